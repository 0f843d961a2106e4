//! The demo's story on real programs: Postfix as the practice, swaks as the clinician, `age` as the solicitor.
//!
//! On our own parts it is played by `gateway/tests/readme.rs`.

use std::process::Command;

use crate::build::built;

#[test]
fn the_story_comes_out_as_it_should_on_real_programs() {
    let played = Command::new(&built().sealgate).args(["demo", "--once", "--real"]).output().unwrap();
    let told = String::from_utf8_lossy(&played.stdout);
    assert!(played.status.success(), "{told}");
    assert!(told.contains("Every line came out as it should."), "{told}");
}
