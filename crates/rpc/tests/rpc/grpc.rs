//! gRPC-web over a made-up chain, frame by frame. (`crates/node/tests/clients` has gRPC's own clients.)

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proto::Message;
use proto::cosmos::bank::v1beta1::{QueryBalanceRequest, QueryBalanceResponse};
use tokio::net::TcpListener;

use crate::fake::{BALANCE, Fake};

struct Web {
    _server: rpc::Server,
    base: String,
    http: reqwest::Client,
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&[0], &u32::try_from(message.len()).unwrap().to_be_bytes()[..], message].concat()
}

/// The frames of an answer: kind and bytes. The kind of trailers is 128.
fn frames(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let length = u32::from_be_bytes(bytes[1..5].try_into().unwrap()) as usize;
        found.push((bytes[0], bytes[5..5 + length].to_vec()));
        bytes = &bytes[5 + length..];
    }
    found
}

impl Web {
    async fn of(tip: u64) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = rpc::grpc::serve(Fake::new(tip), listener).unwrap();
        let base = format!("http://{}", server.address);
        Self { _server: server, base, http: reqwest::Client::new() }
    }

    fn request(&self, path: &str, kind: &str, body: Vec<u8>) -> reqwest::RequestBuilder {
        let request = self.http.post(format!("{}{path}", self.base)).header("content-type", kind);
        request.header("accept", kind).header("origin", "http://site.example").body(body)
    }

    /// The message of an answer, and its status with the text of the reason.
    async fn call(&self, path: &str, message: &[u8]) -> (Option<Vec<u8>>, String) {
        let reply = self.request(path, "application/grpc-web+proto", framed(message)).send().await.unwrap();
        assert_eq!(reply.status().as_u16(), 200);
        let header = |name: &str| reply.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        if let Some(status) = header("grpc-status") {
            return (None, format!("{status} {}", header("grpc-message").unwrap_or_default()));
        }
        let body = frames(&reply.bytes().await.unwrap());
        let find = |kind: u8| body.iter().find(|(found, _)| *found == kind).map(|(_, bytes)| bytes.clone());
        (find(0), String::from_utf8(find(128).unwrap()).unwrap())
    }
}

fn balance() -> Vec<u8> {
    QueryBalanceRequest { address: "own".into(), denom: "utet".into() }.encode_to_vec()
}

#[tokio::test]
async fn binary_and_text_are_answered_with_the_height() {
    let web = Web::of(5).await;
    let (message, trailers) = web.call(BALANCE, &balance()).await;
    let answer = QueryBalanceResponse::decode(message.unwrap().as_slice()).unwrap();
    assert_eq!(answer.balance.unwrap().denom, "own/utet");
    assert!(trailers.contains("grpc-status:0"), "{trailers}");

    let text = STANDARD.encode(framed(&balance())).into_bytes();
    let reply = web.request(BALANCE, "application/grpc-web-text", text).header("x-cosmos-block-height", "3");
    let reply = reply.send().await.unwrap();
    assert_eq!(reply.headers()["x-cosmos-block-height"], "3");
    assert_eq!(reply.headers()["access-control-allow-origin"], "*");
    assert_eq!(reply.headers()["access-control-expose-headers"], "*");
    assert!(reply.text().await.unwrap().starts_with("AAAAA"));
}

#[tokio::test]
async fn refusals_have_a_status_and_a_reason() {
    let web = Web::of(5).await;
    let test = QueryBalanceRequest { address: "test".into(), denom: "x".into() }.encode_to_vec();
    for (path, message, status, part) in [
        (BALANCE, test, 3, "address"),
        ("/cosmos.staking.v1beta1.Query/Validators", vec![], 12, "staking"),
        ("/cosmos.bank.v1beta1.Query/Nothing", vec![], 12, "Nothing"),
        ("/nothing", vec![], 12, "nothing"),
        ("/cosmos.tx.v1beta1.Service/GetTx", vec![255], 3, "decode"),
        ("/cosmos.base.tendermint.v1beta1.Service/GetBlockByHeight", vec![8, 99], 3, "available"),
    ] {
        let (answer, refused) = web.call(path, &message).await;
        assert_eq!(answer, None, "{path}");
        assert!(refused.starts_with(&format!("{status} ")) && refused.contains(part), "{path}: {refused}");
    }
    let (answer, refused) = web.call(BALANCE, &vec![0; 2 << 20]).await;
    assert_eq!(answer, None);
    assert!(refused.starts_with("11 "), "{refused}");
}

#[tokio::test]
async fn what_is_no_grpc_is_told_so_and_browsers_may_ask_first() {
    let web = Web::of(5).await;
    let reply = web.http.get(format!("{}/status", web.base)).send().await.unwrap();
    assert_eq!(reply.status().as_u16(), 400);
    let preflight = web.http.request(reqwest::Method::OPTIONS, format!("{}{BALANCE}", web.base));
    let preflight = preflight.header("origin", "http://site.example").header("access-control-request-method", "POST");
    let reply = preflight.header("access-control-request-headers", "x-grpc-web").send().await.unwrap();
    assert_eq!(
        (reply.status().as_u16(), &reply.headers()["access-control-allow-headers"]),
        (200, &"*".parse().unwrap())
    );
}
