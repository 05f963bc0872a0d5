//! The small file from which the tests' files are made.

#![allow(dead_code, reason = "each test binary uses a part")]

/// The common file of the vectors of spec/akash.md 2.8; the arguments are its two changing sections.
pub(crate) fn file(service: &str, resources: &str) -> String {
    format!(
        r#"version: "2.0"
services:
  web:
    image: nginx
{service}
profiles:
  compute:
    web:
      resources:
        cpu: {{units: 0.1}}
        memory: {{size: 128Mi}}
{resources}
  placement:
    dc:
      pricing:
        web: {{denom: uakt, amount: 1000}}
deployment:
  web:
    dc: {{profile: web, count: 1}}
"#
    )
}

/// Port 80, open to the world.
pub(crate) const EXPOSE: &str = "    expose: [{port: 80, as: 80, to: [{global: true}]}]";
/// One volume.
pub(crate) const STORAGE: &str = "        storage: {size: 1Gi}";

/// Vector A.
pub(crate) fn vector_a() -> String {
    file(EXPOSE, STORAGE)
}

/// Vector B.
pub(crate) fn vector_b() -> String {
    let settings = r#"    env: ["URL=https://a.b/?x=1&y=<z>", "U=é☃"]
    command: [sh, -c]
    args: ["echo 1 > /tmp/x && sleep 1"]"#;
    file(&format!("{EXPOSE}\n{settings}"), STORAGE)
}

/// Two services that share a compute profile in one placement; the hole is the version.
pub(crate) const SHARED_PROFILE: &str = r#"version: "VERSION"
services:
  api:
    image: api
    expose: [{port: 8080, to: [{global: true, ip: front}]}]
  web:
    image: web
    expose: [{port: 80, to: [{global: true}]}, {port: 9000, to: [{service: api}]}]
profiles:
  compute:
    small:
      resources:
        cpu: {units: 1}
        memory: {size: 1Gi}
        storage: {size: 1Gi}
  placement:
    dc:
      pricing:
        small: {denom: uact, amount: "0.5"}
deployment:
  api: {dc: {profile: small, count: 2}}
  web: {dc: {profile: small, count: 3}}
endpoints:
  front: {kind: ip}
"#;
