//! What a host's key signs when its provider registers it.

use proto::Message;
use proto::tetra::capacity::v1::MsgRegisterHost;

/// What the host's key signs begins with this.
const REGISTRATION_DOMAIN: &[u8] = b"tetra/capacity/register-host/v1\0";

/// The bytes that the host's ed25519 key signs: a domain tag, the chain id with a zero byte, and the message without
/// its signature (docs/protocol.md).
pub fn registration_bytes(chain_id: &str, msg: &MsgRegisterHost) -> Vec<u8> {
    let unsigned = MsgRegisterHost { host_signature: Vec::new(), ..msg.clone() };
    [REGISTRATION_DOMAIN, chain_id.as_bytes(), &[0], &unsigned.encode_to_vec()].concat()
}

#[cfg(test)]
mod tests {
    use proto::tetra::capacity::v1::{Device, Resources};

    use super::*;

    /// As the ledger's own function gave them.
    const RECORDED: &str = "74657472612f63617061636974792f72656769737465722d686f73742f76310074657472612d31000a05616c69636512\
        2007070707070707070707070707070707070707070707070707070707070707071a1108a01f10808080801018808080\
        80808008222a0a054750552d31122176656e646f722f6e76696469612f6d6f64656c2f613130302f72616d2f38304769\
        289601";

    #[test]
    fn equal_to_what_the_ledger_verifies() {
        let msg = MsgRegisterHost {
            owner: "alice".into(),
            host_key: vec![7; 32],
            offered: Some(Resources { cpu_milli: 4000, memory: 4 << 30, storage: 1 << 45, devices: vec![] }),
            devices: vec![Device { id: "GPU-1".into(), model: "vendor/nvidia/model/a100/ram/80Gi".into() }],
            cpu_overcommit_percent: 150,
            host_signature: vec![1; 64],
        };
        let hex: String = registration_bytes("tetra-1", &msg).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, RECORDED);
    }
}
