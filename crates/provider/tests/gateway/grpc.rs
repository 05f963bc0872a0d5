//! The status over gRPC, asked by tonic's client (spec/akash.md 3.3).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::uri::PathAndQuery;
use axum::http::{Request, Response, Uri};
use client::Auth;
use futures::StreamExt;
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use proto::akash::provider::v1::Status as Told;
use provider::gateway::{Limits, Server, serve_grpc};
use rustls::ClientConfig;
use rustls::version::{TLS12, TLS13};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codegen::Service;
use tonic::{Code, Status};
use tonic_prost::ProstCodec;

use crate::desk::{HOST, Running, credential};
use crate::names::{connect_to, trusting};

const GET: &str = "/akash.provider.v1.ProviderRPC/GetStatus";
const STREAM: &str = "/akash.provider.v1.ProviderRPC/StreamStatus";

/// A connection of HTTP/2 for tonic.
#[derive(Clone)]
struct Wire(http2::SendRequest<Body>);

impl Service<Request<Body>> for Wire {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = hyper::Result<Response<Incoming>>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

async fn serve(running: &Running, limits: Limits) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    serve_grpc(Arc::new(running.desk.clone()), running.certificates.clone(), listener, limits).unwrap()
}

async fn client(server: &Server, name: &str, mut config: ClientConfig) -> Grpc<Wire> {
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = connect_to(server.address(), name, config).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    Grpc::with_origin(Wire(sender), Uri::from_static("https://gateway"))
}

async fn ask(client: &mut Grpc<Wire>, path: &'static str, token: Option<&str>) -> Result<Told, Status> {
    client.ready().await.unwrap();
    let mut request = tonic::Request::new(());
    if let Some(token) = token {
        request.metadata_mut().insert("authorization", token.parse().unwrap());
    }
    let codec = ProstCodec::<(), Told>::default();
    client.unary(request, PathAndQuery::from_static(path), codec).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn anybody_is_told_what_rest_tells() {
    let running = Running::start(Limits::default()).await;
    let server = serve(&running, Limits::default()).await;
    running.desk.0.lock().unwrap().leases = 3;
    let tenant = credential(1);
    // Neither a certificate nor a token is needed, and none does harm, be it bad.
    for (own, token) in [(None, None), (Some(&tenant), None), (None, Some("Bearer nothing"))] {
        let mut client = client(&server, HOST, trusting(&TLS13, own)).await;
        let told = ask(&mut client, GET, token).await.unwrap();
        let rest = running.with(Auth::None).status().await.unwrap();
        let leases = told.cluster.unwrap().leases.unwrap().active;
        assert_eq!((leases, rest["cluster"]["leases"].as_u64()), (3, Some(3)));
        assert_eq!(told.public_hostnames, [rest["cluster_public_hostname"].as_str().unwrap()]);
        assert!(told.timestamp.unwrap().seconds > 1_700_000_000);
        let refused = ask(&mut client, "/akash.provider.v1.ProviderRPC/BidScreening", None).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unimplemented, "{refused}");
        assert!(refused.message().contains(GET), "{refused}");
    }
}

#[tokio::test]
async fn a_stream_tells_what_changes_and_ends_with_the_gateway() {
    let running = Running::start(Limits::default()).await;
    let server = serve(&running, Limits::default()).await;
    let mut client = client(&server, "127.0.0.1", trusting(&TLS13, None)).await;
    client.ready().await.unwrap();
    let codec = ProstCodec::<(), Told>::default();
    let answer = client.server_streaming(tonic::Request::new(()), PathAndQuery::from_static(STREAM), codec).await;
    let mut told = answer.unwrap().into_inner();
    for leases in [0, 5] {
        running.desk.0.lock().unwrap().leases = leases;
        let next = told.next().await.unwrap().unwrap();
        assert_eq!(next.cluster.unwrap().leases.unwrap().active, u32::try_from(leases).unwrap());
    }
    server.stop().await;
    assert_eq!(told.next().await.unwrap().unwrap_err().code(), Code::Unavailable);
    assert!(told.next().await.is_none());
}

#[tokio::test]
async fn older_tls_and_silence_are_not_served() {
    let running = Running::start(Limits::default()).await;
    let limits = Limits { header: Duration::from_millis(50), ..Limits::default() };
    let server = serve(&running, limits).await;
    connect_to(server.address(), HOST, trusting(&TLS12, None)).await.unwrap_err();
    let mut silent = connect_to(server.address(), HOST, trusting(&TLS13, None)).await.unwrap();
    // Ends, with or without a word.
    let _ = silent.read_to_end(&mut Vec::new()).await;
    // Who asked once may be silent longer than that.
    let mut client = client(&server, HOST, trusting(&TLS13, None)).await;
    ask(&mut client, GET, None).await.unwrap();
    tokio::time::sleep(2 * limits.header).await;
    ask(&mut client, GET, None).await.unwrap();
}
