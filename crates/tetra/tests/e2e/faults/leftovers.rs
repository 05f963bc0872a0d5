//! What agents left that never return is found and removed; agents that live or may come back are left alone.

use super::part::Part;
use crate::net::{Net, until};

const HELLO: &str = "examples/hello-web/deploy.yaml";

#[test]
fn what_an_agent_left_that_never_returns_is_removed_and_nothing_else() {
    let Some(net) = Net::start(true) else { return };
    net.crash_agent();
    let agent = Part::agent(&net, None);
    let deployment = net.deploy(HELLO);
    until(|| deployment.page()).unwrap();
    let data = net.provider().join("data");
    let of_ours = |arguments: &[&str]| {
        let all = net.json(arguments);
        let ours = |line: &&serde_json::Value| line["data_dir"].as_str() == data.to_str();
        all.as_array().unwrap().iter().find(ours).cloned().unwrap_or_default()
    };

    // It runs.
    let line = of_ours(&["provider", "clean", "--yes"]);
    assert_eq!((&line["presence"], &line["removed"]), (&"running".into(), &false.into()), "{line}");
    assert!(deployment.page().is_ok());
    // It was killed, and may come back: its container serves the tenant on.
    let held = net.held();
    agent.kill();
    let line = of_ours(&["provider", "clean", "--yes"]);
    assert_eq!((&line["presence"], &line["removed"]), (&"stopped".into(), &false.into()), "{line}");
    assert_eq!(net.held(), held);
    // Its data are gone.
    std::fs::remove_dir_all(&data).unwrap();
    let line = of_ours(&["provider", "clean", "--dry-run"]);
    assert_eq!((&line["presence"], &line["removed"]), (&"departed".into(), &false.into()), "{line}");
    assert_eq!(net.held(), held);
    let doctor = net.run(&["doctor"]);
    assert!(String::from_utf8_lossy(&doctor.stdout).contains("tetra provider clean"), "{doctor:?}");
    let line = of_ours(&["provider", "clean", "--yes"]);
    assert_eq!(line["removed"], true, "{line}");
    let left = until(|| Some(net.held()).filter(|held| !held.is_empty()).map_or(Ok(()), Err));
    assert_eq!(left, Ok(()));
    let shims = until(|| Some(net.shims()).filter(|shims| !shims.is_empty()).map_or(Ok(()), Err));
    assert_eq!(shims, Ok(()));
    assert!(of_ours(&["provider", "clean", "--dry-run"]).is_null());
}
