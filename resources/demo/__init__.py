"""Small models for `twinscope demo`, one network in two frameworks."""
