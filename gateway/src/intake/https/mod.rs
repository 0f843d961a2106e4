//! The HTTPS door (to come).
