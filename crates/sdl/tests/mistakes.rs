//! What an author reads after a mistake: the place, the problem, the remedy.

mod common;

use common::vector_a;
use sdl::Sdl;

/// Each mistake as a change of vector A.
const MISTAKES: [(&str, &str); 30] = [
    ("version: \"2.0\"", "version: \"1.0\""),
    ("version: \"2.0\"\n", ""),
    ("services:\n", "volumes: {}\nservices:\n"),
    ("    image: nginx\n", ""),
    ("image: nginx", "image: \"\""),
    ("image: nginx", "image: [nginx]"),
    ("port: 80", "port: http"),
    ("port: 80", "port: \"80\""),
    ("global: true", "global: maybe"),
    ("global: true", "global: true, ip: front"),
    ("as: 80", "as: 80, proto: sctp"),
    ("as: 80", "as: 80, http_options: {max_body_size: 200000000}"),
    ("as: 80", "as: 80, http_options: {next_cases: [\"off\", error]}"),
    ("units: 0.1", "units: -1"),
    ("units: 0.1", "units: 0.1, cores: 2"),
    ("size: 128Mi", "size: 128mb"),
    ("size: 128Mi", "sise: 128Mi"),
    ("storage: {size: 1Gi}", "storage: {size: 1Gi, attributes: {class: beta3}}"),
    ("storage: {size: 1Gi}", "storage: {size: 1Gi, attributes: {persistent: true}}"),
    ("storage: {size: 1Gi}", "storage: [{size: 1Gi}, {size: 2Gi}]"),
    ("storage: {size: 1Gi}", "storage: {size: 1Gi}\n        gpu: {units: 1}"),
    ("storage: {size: 1Gi}", "storage: {size: 1Gi}\n        gpu: {units: 1, attributes: {vendor: {amd: }}}"),
    ("amount: 1000", "amount: 0"),
    ("amount: 1000", "amount: 1e3"),
    ("profile: web", "profile: wbe"),
    ("    dc: {profile", "    cd: {profile"),
    ("count: 1}", "count: 1}\nendpoints: {front: {kind: ip}}"),
    ("image: nginx", "image: nginx\n    image: httpd"),
    ("image: nginx", "image: nginx\n    params: {storage: {data: {mount: /data}}}"),
    ("services:\n", "services: [\n"),
];

#[test]
fn every_mistake_is_placed_and_has_a_remedy() {
    let messages: Vec<String> = MISTAKES
        .iter()
        .map(|(right, wrong)| {
            let text = vector_a();
            assert!(text.contains(right), "{right:?} is not in the file");
            let error = Sdl::parse(&text.replacen(right, wrong, 1)).expect_err(wrong);
            assert!(!error.remedy.is_empty());
            format!("{}\n    {error}", wrong.trim().replace('\n', "⏎"))
        })
        .collect();
    insta::assert_snapshot!("mistakes", messages.join("\n"));
}
