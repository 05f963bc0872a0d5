//! A container that ends again and again is started with growing waits, and told of.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::net::{Deployment, Net, until};

const EXAMPLE: &str = "examples/env-command/deploy.yaml";

#[test]
fn a_container_that_crashes_is_started_with_growing_waits_until_it_stays_up() {
    let Some(net) = Net::start(true) else { return };
    // Ends with 7 at once until this moment, which the fourth start at the earliest reaches: 1 + 2 + 4 s of waits.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let moment = (now + Duration::from_secs(14)).as_secs().to_string();
    let ends = format!("- '[ $(date +%s) -ge {moment} ] || exit 7; mkdir -p /tmp/www");
    let quoted = [("- mkdir -p /tmp/www", ends.as_str()), (r#"/tmp/www "$@""#, r#"/tmp/www "$@"'"#)];
    let file = net.file("crashing.yaml", EXAMPLE, &quoted);
    let said = net.fails(6, &["deploy", &file, "--auto", "cheapest", "--ready-wait", "1"]);
    assert!(said.contains("web (0 of 1)") && said.contains("tetra lease logs"), "{said}");
    let dseq = net.json(&["deployment", "list"])[0]["dseq"].as_u64().unwrap();
    let number = dseq.to_string();

    let waiting = until(|| {
        let web = net.json(&["lease", "status", &number])[0]["status"]["services"]["web"].take();
        if web["restarts"].as_u64() >= Some(1) && web["next_start"].is_string() { Ok(web) } else { Err(web) }
    });
    assert_eq!(waiting.unwrap()["last_exit"]["code"], 7);
    let text = net.run(&["lease", "status", &number]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("ended with exit code 7") && text.contains("next start"), "{text}");

    let resumed = Deployment::of(&net.json(&["deploy", "--resume", &number]));
    assert!(resumed.page().unwrap().starts_with("good day from "));
    let web = net.json(&["lease", "status", &number])[0]["status"]["services"]["web"].take();
    let restarts = web["restarts"].as_u64().unwrap();
    println!(
        "measured: {restarts} restarts in {} s",
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() - now.as_secs()
    );
    assert!((2..=5).contains(&restarts), "{web}");
    assert!(web["next_start"].is_null() && web["last_exit"]["code"] == 7, "{web}");
    net.close(dseq);
    net.nothing_left();
}
