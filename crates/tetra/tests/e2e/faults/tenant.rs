//! The tenant's `tetra deploy` is killed at each of its steps; another command goes on, or gets the money back.

use super::audit::{Books, DEPOSIT};
use super::part::Part;
use super::phases::started;
use crate::net::{Deployment, Net, until};

const HELLO: &str = "examples/hello-web/deploy.yaml";

/// Steps from which something stands on the chain.
pub(super) const STEPS: [&str; 3] = ["deployment-created", "bids-seen", "leases-taken"];

#[test]
fn a_deploy_killed_at_any_step_is_gone_on_with_or_closed() {
    let Some(net) = started() else { return };
    let _agent = Part::agent(&net, None);

    // Before anything was sent: nothing is on the chain.
    killed(&net, "deployment-kept");
    assert_eq!(net.json(&["deployment", "list"]).as_array().map(Vec::len), Some(0));

    for point in STEPS {
        for resumes in [true, false] {
            dies(&net, point, resumes);
        }
    }
}

/// The tenant's command dies at a step; another goes on from there, or closes the deployment.
pub(super) fn dies(net: &Net, point: &str, resumes: bool) {
    let books = Books::open(net);
    killed(net, point);
    let list = net.run(&["deployment", "list", "-o", "json"]);
    let said = String::from_utf8_lossy(&list.stderr).into_owned();
    let list: serde_json::Value = serde_json::from_slice(&list.stdout).unwrap();
    let dseq = list[0]["dseq"].as_u64().unwrap();
    let running = point == "leases-taken";
    assert_eq!(list[0]["leases"], usize::from(running), "{point}: {list}");
    let hint = if running {
        // The chain does not know of manifests; the provider does.
        let status = net.run(&["lease", "status", &dseq.to_string()]);
        String::from_utf8_lossy(&status.stderr).into_owned()
    } else {
        said
    };
    for way in ["tetra deploy --resume", "tetra deployment close"] {
        assert!(hint.contains(&format!("{way} {dseq}")), "{point}: {hint}");
    }
    if resumes {
        let resumed = net.json(&["deploy", "--resume", &dseq.to_string(), "--auto", "cheapest"]);
        let deployment = Deployment::of(&resumed);
        assert_eq!(deployment.dseq, dseq);
        assert!(until(|| deployment.page()).is_ok(), "{point}");
    }
    net.close(dseq);
    net.nothing_left();
    books.check(&[(dseq, DEPOSIT)]);
}

fn killed(net: &Net, point: &str) {
    let deploy = ["deploy", HELLO, "--auto", "cheapest"];
    Part::start(net, "deploy", &deploy, Some(point)).crashed(point);
}
