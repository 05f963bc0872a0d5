use proto::Message;
use proto::cosmos::base::v1beta1::Coin;
use proto::cosmos::tx::v1beta1::{Fee, TxBody};

use super::*;

/// The body of a transaction that a browser wallet signed on a public network of this wire format (its hash begins with
/// 871278E6), and the text that was signed.
const BODY: &str = concat!(
    "0a95020a2d2f616b6173682e6465706c6f796d656e742e763162657461342e4d73674372656174654465706c6f796d656e74",
    "12e3010a330a2d6162616b6f733163793933727a3473707979346e3834686d6b6c636c766337617939646b386b6633377537",
    "32351086e60912730a0664636c6f756412020a001a650a40080112080a060a04333030301a0e0a0c0a0a3630303030303030",
    "303022170a0764656661756c74120c0a0a313037333734313832342a050a030a01303202080110011a1f0a04756162611217",
    "31303030303030303030303030303030303030303030301a20af8193e2b9295ac20037356685943e66f57c35bf020efa2da9",
    "3d33f3bbec174b22150a0f0a047561626112073130303030303028022801120b636f6e736f6c6520616972",
);
const SIGNED: &str = concat!(
    r#"{"account_number":"17","chain_id":"abakos-sandbox-1","fee":{"amount":[{"amount":"0","denom"#,
    r#"":"uaba"}],"gas":"203567"},"memo":"console air","msgs":[{"type":"akash-sdk/x/deployment/Ms"#,
    r#"gCreateDeployment","value":{"deposit":{"amount":{"amount":"1000000","denom":"uaba"},"depos"#,
    r#"it_sources":[2,1]},"groups":[{"name":"dcloud","resources":[{"count":1,"price":{"amount":"1"#,
    r#"0000.000000000000000000","denom":"uaba"},"resource":{"cpu":{"units":{"val":"3000"}},"endpo"#,
    r#"ints":[{"kind":1,"sequence_number":0}],"gpu":{"units":{"val":"0"}},"id":1,"memory":{"size""#,
    r#":{"val":"6000000000"}},"storage":[{"name":"default","size":{"val":"1073741824"}}]}}]}],"ha"#,
    r#"sh":"r4GT4rkpWsIANzVmhZQ+ZvV8Nb8CDvotqT0z87vsF0s=","id":{"dseq":"160518","owner":"abakos1c"#,
    r#"y93rz4spyy4n84hmklclvc7ay9dk8kf37u725"}}}],"sequence":"32"}"#,
);

fn document<'t>(fee: &'t Fee, memo: &'t str) -> Document<'t> {
    Document { chain_id: "abakos-sandbox-1", account_number: 17, sequence: 32, timeout_height: 0, memo, fee }
}

#[test]
fn a_deployment_is_signed_as_a_wallet_signed_it() {
    let body = TxBody::decode(hex::decode(BODY).unwrap().as_slice()).unwrap();
    let coin = Coin { denom: "uaba".to_owned(), amount: "0".to_owned() };
    let fee = Fee { amount: vec![coin], gas_limit: 203_567, ..Fee::default() };
    let text = document(&fee, &body.memo).text(messages(&body.messages).unwrap());
    assert_eq!(text, SIGNED);
}
