//! Text forms of durations and sizes, as flags spell them (S31, S67).
