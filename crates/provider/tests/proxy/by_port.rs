//! TCP and UDP by port.

use std::net::SocketAddr;
use std::time::Duration;

use provider::proxy::ProxyError;
use sdl::model::Protocol;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::replica::{assigned, lease, nobody, port, proxy, proxy_with};

const LONG: Duration = Duration::from_secs(10);

/// Echoes every connection and, on the same number, every datagram with an exclamation mark.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let socket = UdpSocket::bind(address).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let answer = [&buffer[..length], b"!"].concat();
            socket.send_to(&answer, from).await.unwrap();
        }
    });
    address
}

async fn round_trip(port: u16, text: &str) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(text.as_bytes()).await?;
    let mut buffer = vec![0; text.len()];
    stream.read_exact(&mut buffer).await?;
    assert_eq!(buffer, text.as_bytes());
    Ok(stream)
}

#[tokio::test]
async fn tcp_is_forwarded_past_a_dead_replica_until_the_lease_ends() {
    let (proxy, replica) = (proxy().await, echo().await);
    let lease = lease("a", 1);
    let routes = vec![port("db", Protocol::Tcp, None, &[nobody(), replica])];
    let number = assigned(&proxy.publish(&lease, routes).await.unwrap());
    round_trip(number, "first").await.unwrap();
    let mut open = round_trip(number, "second").await.unwrap();
    proxy.withdraw(&lease).await;
    let ended = timeout(LONG, open.read(&mut [0; 8])).await.unwrap();
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    assert!(round_trip(number, "third").await.is_err());
}

#[tokio::test]
async fn udp_answers_find_their_way_back_to_each_client() {
    let (proxy, replica) = (proxy().await, echo().await);
    let routes = vec![port("dns", Protocol::Udp, None, &[replica])];
    let number = assigned(&proxy.publish(&lease("a", 1), routes).await.unwrap());
    let mut clients = Vec::new();
    for text in ["one", "two", "three"] {
        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        client.send_to(text.as_bytes(), ("127.0.0.1", number)).await.unwrap();
        clients.push((client, text));
    }
    for (client, text) in clients {
        let mut buffer = [0; 64];
        let (length, _) = timeout(LONG, client.recv_from(&mut buffer)).await.unwrap().unwrap();
        assert_eq!(&buffer[..length], format!("{text}!").as_bytes());
    }
}

#[tokio::test]
async fn a_port_that_stays_keeps_its_number_and_its_connections() {
    let (proxy, replica) = (proxy().await, echo().await);
    let lease = lease("a", 1);
    let routes = |replicas: &[SocketAddr]| vec![port("db", Protocol::Tcp, None, replicas)];
    let number = assigned(&proxy.publish(&lease, routes(&[replica])).await.unwrap());
    let mut open = round_trip(number, "x").await.unwrap();
    assert_eq!(assigned(&proxy.publish(&lease, routes(&[nobody()])).await.unwrap()), number);
    open.write_all(b"y").await.unwrap();
    open.read_exact(&mut [0]).await.unwrap();
    assert!(round_trip(number, "z").await.is_err());
    assert_eq!(proxy.publish(&lease, Vec::new()).await.unwrap(), []);
    assert!(round_trip(number, "x").await.is_err());
}

#[tokio::test]
async fn a_port_from_before_a_restart_is_taken_again_or_told_to_be_taken() {
    let replica = echo().await;
    let lease = lease("a", 1);
    let first = proxy().await;
    let routes = |assigned| vec![port("db", Protocol::Tcp, assigned, &[replica])];
    let number = assigned(&first.publish(&lease, routes(None)).await.unwrap());
    let second = proxy().await;
    let error = second.publish(&lease, routes(Some(number))).await.unwrap_err();
    assert!(matches!(&error, ProxyError::PortTaken { port, .. } if *port == number), "{error}");
    assert!(error.to_string().contains("service \"db\""), "{error}");
    first.withdraw(&lease).await;
    drop(first);
    assert_eq!(assigned(&second.publish(&lease, routes(Some(number))).await.unwrap()), number);
    round_trip(number, "again").await.unwrap();
}

#[tokio::test]
async fn a_full_range_refuses_and_leaves_all_as_it_was() {
    let replica = echo().await;
    // Held by this test, so no port of the range is free.
    let held = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let number = held.local_addr().unwrap().port();
    let proxy = proxy_with(number..=number).await;
    let routes = vec![port("db", Protocol::Tcp, None, &[replica])];
    let error = proxy.publish(&lease("a", 1), routes.clone()).await.unwrap_err();
    assert!(matches!(error, ProxyError::NoFreePort { .. }), "{error}");
    drop(held);
    assert_eq!(assigned(&proxy.publish(&lease("a", 1), routes.clone()).await.unwrap()), number);
    proxy.publish(&lease("b", 1), routes).await.unwrap_err();
    round_trip(number, "still there").await.unwrap();
}
