//! Containers of the agent: launcher, isolators, fetcher and the launch helper.
