// expect: E0451
// A session made by hand, whose peer nobody verified. (Update syntax names no field.)
use gateway::outbound::smtp::Session;
use keys::level::Proven;

pub fn forge(session: Session<Proven>) -> Option<Session<Proven>> {
    return Some(Session { ..session }); // forged
    None
}
