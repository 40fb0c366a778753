//! Input in pieces, as a network would cut it.

/// Cuts `data` into pieces whose lengths `seed` determines; there is at least one.
pub(crate) fn cut(seed: u64, data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut state = seed | 1;
    let mut rest = Some(data);
    std::iter::from_fn(move || {
        let data = rest?;
        // Xorshift: short pieces mostly, long ones now and then.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let longest = if state & 0x700 == 0 { 4096 } else { 9 };
        let length = 1 + usize::try_from(state % longest).unwrap_or_default();
        let (piece, left) = data.split_at(length.min(data.len()));
        rest = (!left.is_empty()).then_some(left);
        Some(piece)
    })
}

/// Takes the seed of the cuts off the front of an input.
pub(crate) fn seed(data: &[u8]) -> (u64, &[u8]) {
    match data.split_first_chunk::<4>() {
        Some((seed, rest)) => (u64::from(u32::from_le_bytes(*seed)) << 8 | 0x51, rest),
        None => (1, data),
    }
}

/// Seeds of a target that takes a seed of cuts off the front.
pub(crate) fn with_cuts(seeds: &[&[u8]]) -> Vec<Vec<u8>> {
    seeds
        .iter()
        .map(|seed| [b"cuts".as_slice(), seed].concat())
        .collect()
}
