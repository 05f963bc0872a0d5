//! HTTP by host name.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use provider::proxy::{ProxyError, Published, service_id};
use sdl::model::HttpOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::replica::{ask, fetch, host, http, lease, nobody, options, proxy, replica};

#[tokio::test]
async fn a_service_answers_under_its_own_name_and_the_tenants() {
    let (proxy, web) = (proxy().await, replica("web").await);
    let lease = lease("alice", 1);
    let routes = vec![http("web", &["Shop.example.com."], options(), &[web.address])];
    let published = proxy.publish(&lease, routes).await.unwrap();
    let own = format!("{}.localhost", service_id(&lease, "web"));
    let port = proxy.address().port();
    let urls = vec![format!("http://{own}:{port}"), format!("http://shop.example.com:{port}")];
    assert_eq!(published, [Published::Http { service: "web".to_owned(), urls }]);

    let (status, body) = fetch(&proxy, &format!("{own}:{port}"), "/a?b=c").await;
    let wanted = format!("web GET /a?b=c host={own}:{port} x-forwarded-for=127.0.0.1 x-forwarded-proto=http");
    assert_eq!((status, body.starts_with(&wanted)), (200, true), "{body}");
    assert_eq!(fetch(&proxy, "SHOP.example.com", "/").await.0, 200);

    proxy.withdraw(&lease).await;
    let (status, body) = fetch(&proxy, &own, "/").await;
    assert_eq!((status, body.contains("no service is published as")), (404, true), "{body}");
}

#[tokio::test]
async fn headers_of_one_connection_are_not_passed_on_and_earlier_proxies_are() {
    let (proxy, web) = (proxy().await, replica("web").await);
    let published = proxy.publish(&lease("a", 1), vec![http("web", &[], options(), &[web.address])]).await.unwrap();
    let host = host(&published, 0);
    let head = format!(
        "GET / HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: 10.0.0.1\r\nX-Hop: secret\r\nConnection: close, x-hop\r\n"
    );
    let (_, body) = ask(&proxy, &head, b"").await;
    assert!(body.contains("x-forwarded-for=10.0.0.1, 127.0.0.1"), "{body}");
    assert!(body.contains("connection=- x-hop=-"), "{body}");
    assert_eq!(ask(&proxy, "GET / HTTP/1.0\r\n", b"").await.0, 400);
    let twice = format!("GET / HTTP/1.1\r\nHost: {host}\r\nHost: other\r\nConnection: close\r\n");
    assert_eq!(ask(&proxy, &twice, b"").await.0, 400);
    let tunnel = format!("CONNECT {host}:80 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    assert_eq!(ask(&proxy, &tunnel, b"").await.0, 405);
}

#[tokio::test]
async fn replicas_take_turns_and_a_dead_one_is_passed_over() {
    let (proxy, one, two) = (proxy().await, replica("one").await, replica("two").await);
    let replicas = [one.address, nobody(), two.address];
    let published = proxy.publish(&lease("a", 1), vec![http("web", &[], options(), &replicas)]).await.unwrap();
    let host = host(&published, 0);
    let mut answers = Vec::new();
    for _ in 0..3 {
        let (status, body) = fetch(&proxy, &host, "/").await;
        assert_eq!(status, 200);
        answers.push(body.split(' ').next().unwrap().to_owned());
    }
    assert_eq!(answers, ["one", "two", "two"]);
}

#[tokio::test]
async fn where_no_replica_answers_the_reason_is_told() {
    let proxy = proxy().await;
    let mut off = options();
    off.next_cases = vec!["off".to_owned()];
    let routes = vec![
        http("empty", &["empty.example"], options(), &[]),
        http("dead", &["dead.example"], options(), &[nobody(), nobody()]),
        http("off", &["off.example"], off, &[nobody(), replica("never").await.address]),
    ];
    proxy.publish(&lease("a", 1), routes).await.unwrap();
    let (status, body) = fetch(&proxy, "empty.example", "/").await;
    assert_eq!((status, body.contains("has no running replica")), (503, true), "{body}");
    let (status, body) = fetch(&proxy, "dead.example", "/").await;
    assert_eq!((status, body.contains("refused")), (502, true), "{body}");
    assert_eq!(fetch(&proxy, "off.example", "/").await.0, 502);
}

#[tokio::test]
async fn the_next_replica_is_tried_in_the_cases_that_are_listed() {
    let (proxy, one, two) = (proxy().await, replica("one").await, replica("two").await);
    let mut patient = options();
    patient.next_cases = vec!["503".to_owned()];
    let replicas = [one.address, two.address];
    let routes = vec![
        http("web", &["listed.example"], patient, &replicas),
        http("api", &["plain.example"], options(), &replicas),
    ];
    proxy.publish(&lease("a", 1), routes).await.unwrap();
    // The last replica's answer is the answer.
    assert_eq!(fetch(&proxy, "listed.example", "/failing").await, (503, "two".to_owned()));
    assert_eq!(fetch(&proxy, "plain.example", "/failing").await, (503, "one".to_owned()));
}

#[tokio::test]
async fn bodies_flow_both_ways_up_to_the_limit() {
    let (proxy, web) = (proxy().await, replica("web").await);
    let large = HttpOptions { max_body_size: 8 << 20, ..options() };
    let routes = vec![
        http("large", &["large.example"], large, &[web.address]),
        http("small", &["small.example"], options(), &[web.address]),
    ];
    proxy.publish(&lease("a", 1), routes).await.unwrap();
    let body = "x".repeat(8 << 20);
    let head = |host: &str, length: usize| {
        format!("POST /echo HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nConnection: close\r\n")
    };
    let (status, echoed) = ask(&proxy, &head("large.example", body.len()), body.as_bytes()).await;
    assert_eq!((status, echoed.len()), (200, body.len()));
    assert_eq!(ask(&proxy, &head("large.example", body.len() + 1), b"").await.0, 413);
    assert_eq!(ask(&proxy, &head("small.example", (1 << 20) + 1), b"").await.0, 413);
    // Without a length the limit is met on the way.
    let chunk = format!("{:x}\r\n{}\r\n0\r\n\r\n", 2 << 20, "y".repeat(2 << 20));
    let head = "POST / HTTP/1.1\r\nHost: small.example\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n";
    let (status, _) = ask(&proxy, &head.replace("POST /", "POST /hangs"), chunk.as_bytes()).await;
    assert_eq!(status, 413);
}

#[tokio::test]
async fn a_service_that_stands_still_is_given_up() {
    let (proxy, web) = (proxy().await, replica("web").await);
    let short = HttpOptions { read_timeout: 50, ..options() };
    let routes = vec![http("web", &["web.example"], short, &[web.address])];
    proxy.publish(&lease("a", 1), routes).await.unwrap();
    let (status, body) = fetch(&proxy, "web.example", "/hangs").await;
    assert_eq!((status, body.contains("no answer for 50 ms")), (504, true), "{body}");
    let (status, body) = fetch(&proxy, "web.example", "/stuck").await;
    assert_eq!((status, body.contains("first")), (200, true), "{body}");
}

#[tokio::test]
async fn websockets_pass_through_until_the_lease_ends() {
    let (proxy, web) = (proxy().await, replica("web").await);
    let lease = lease("a", 1);
    let published = proxy.publish(&lease, vec![http("web", &[], options(), &[web.address])]).await.unwrap();
    let stream = TcpStream::connect(proxy.address()).await.unwrap();
    let request = format!("ws://{}/ws", host(&published, 0)).into_client_request().unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    for text in ["one", "two"] {
        socket.send(Message::text(text)).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(text));
    }
    proxy.withdraw(&lease).await;
    let ended = tokio::time::timeout(Duration::from_secs(10), socket.next()).await.unwrap();
    assert!(!matches!(ended, Some(Ok(_))), "{ended:?}");
}

#[tokio::test]
async fn a_host_name_belongs_to_the_first_lease() {
    let (proxy, web) = (proxy().await, replica("web").await);
    let route = |hosts: &[&str]| vec![http("web", hosts, options(), &[web.address])];
    let (first, second) = (lease("alice", 1), lease("alice", 2));
    proxy.publish(&first, route(&["shop.example"])).await.unwrap();
    let text = |error: ProxyError| error.to_string();
    let mut refusals = Vec::new();
    for (lease, hosts) in [
        (&second, ["shop.example"]),
        (&lease("bob", 1), ["SHOP.example"]),
        (&second, ["a b"]),
        (&second, ["x.localhost"]),
        (&second, ["localhost"]),
        (&second, [""]),
    ] {
        refusals.push(text(proxy.publish(lease, route(&hosts)).await.unwrap_err()));
    }
    let two = [route(&[]), route(&[])].concat();
    refusals.push(text(proxy.publish(&second, two).await.unwrap_err()));
    insta::assert_snapshot!(refusals.join("\n"));
    // Nothing of what was refused is there, and the first lease still is.
    assert_eq!(fetch(&proxy, "shop.example", "/").await.0, 200);
    let own = format!("{}.localhost", service_id(&second, "web"));
    assert_eq!(fetch(&proxy, &own, "/").await.0, 404);
    proxy.withdraw(&first).await;
    proxy.publish(&second, route(&["shop.example"])).await.unwrap();
}

#[tokio::test]
async fn publishing_again_replaces_all_and_interrupts_nothing_that_stays() {
    let (proxy, one, two) = (proxy().await, replica("one").await, replica("two").await);
    let lease = lease("a", 1);
    let old = vec![http("web", &["old.example", "both.example"], options(), &[one.address])];
    let published = proxy.publish(&lease, old).await.unwrap();
    let own = host(&published, 0);
    let mut kept = TcpStream::connect(proxy.address()).await.unwrap();
    let head = format!("GET /stuck HTTP/1.1\r\nHost: {own}\r\nConnection: close\r\n\r\n");
    kept.write_all(head.as_bytes()).await.unwrap();
    let mut buffer = vec![0; 4096];
    assert!(kept.read(&mut buffer).await.unwrap() > 0);

    let new = vec![http("web", &["both.example"], options(), &[two.address])];
    proxy.publish(&lease, new).await.unwrap();
    assert_eq!(fetch(&proxy, "old.example", "/").await.0, 404);
    for host in [own.as_str(), "both.example"] {
        assert!(fetch(&proxy, host, "/").await.1.starts_with("two"), "{host}");
    }
    let more = tokio::time::timeout(Duration::from_millis(50), async {
        while !String::from_utf8_lossy(&buffer).contains("first") {
            if kept.read(&mut buffer).await.unwrap() == 0 {
                return;
            }
        }
        while kept.read(&mut buffer).await.unwrap() > 0 {}
    });
    assert!(more.await.is_err(), "the connection that was open has ended");
}
