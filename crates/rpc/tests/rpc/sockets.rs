//! Websockets.

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::fake::{Client, tx_of};

pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub(crate) async fn open(client: &Client) -> Result<Self, Error> {
        Ok(Self(connect_async(format!("ws://{}/websocket", client.server.address)).await?.0))
    }

    pub(crate) async fn send(&mut self, call: &Value) {
        self.say(call.to_string()).await;
    }

    pub(crate) async fn say(&mut self, text: String) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn next(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.0.next().await.unwrap().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    async fn call(&mut self, id: u64, method: &str, params: Value) -> Value {
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).await;
        self.next().await
    }

    async fn subscribe(&mut self, id: u64, query: &str) {
        let answer = self.call(id, "subscribe", json!({ "query": query })).await;
        assert_eq!(answer, json!({ "jsonrpc": "2.0", "id": id, "result": {} }));
    }
}

#[tokio::test]
async fn blocks_and_transactions_arrive_under_the_id_of_their_subscription() {
    let client = Client::of(5).await;
    let mut socket = Socket::open(&client).await.unwrap();
    socket.subscribe(1, "tm.event='NewBlock'").await;
    socket.subscribe(2, "tm.event='Tx' AND made.height='6'").await;
    socket.subscribe(3, "tm.event='Tx' AND made.height='7'").await;
    client.fake.announce(6);
    let (block, tx) = (socket.next().await, socket.next().await);
    assert_eq!((&block["id"], &tx["id"]), (&json!(1), &json!(2)));
    let value = &block["result"]["data"]["value"];
    assert_eq!(value["block"]["header"]["height"], "6");
    // The block's event carries what became of its transactions.
    let results = &value["result_finalize_block"]["tx_results"];
    assert_eq!((results.as_array().unwrap().len(), &results[0]["gas_used"]), (1, &json!("6")));
    let value = &tx["result"]["data"]["value"]["TxResult"];
    assert_eq!((&value["height"], &value["result"]), (&json!("6"), &results[0]));
    let hash = hex::encode_upper(app::tx::hash(&tx_of(6)));
    assert_eq!(tx["result"]["events"]["tx.hash"], json!([hash]));
    // Other calls go over the same socket, and nothing else came in between.
    assert_eq!(socket.call(4, "block", json!(["2"])).await["result"]["block"]["header"]["height"], "2");
}

#[tokio::test]
async fn unsubscribing_ends_one_or_all() {
    let client = Client::of(5).await;
    let mut socket = Socket::open(&client).await.unwrap();
    for (id, event) in [(1, "NewBlock"), (2, "NewBlockHeader"), (3, "Tx")] {
        socket.subscribe(id, &format!("tm.event='{event}'")).await;
    }
    let again = socket.call(9, "subscribe", json!({ "query": "tm.event='Tx'" })).await;
    assert_eq!(again["error"]["data"], "already subscribed");
    assert_eq!(socket.call(1, "unsubscribe", json!({ "query": "tm.event='NewBlock'" })).await["result"], json!({}));
    let unknown = socket.call(1, "unsubscribe", json!({ "query": "tm.event='NewBlock'" })).await;
    assert_eq!(unknown["error"]["data"], "subscription not found");
    client.fake.announce(6);
    assert_eq!((socket.next().await["id"].clone(), socket.next().await["id"].clone()), (json!(2), json!(3)));
    assert_eq!(socket.call(8, "unsubscribe_all", json!({})).await["result"], json!({}));
    client.fake.announce(7);
    assert_eq!(socket.call(10, "health", json!([])).await, json!({ "jsonrpc": "2.0", "id": 10, "result": {} }));
}

#[tokio::test]
async fn subscriptions_of_a_socket_are_bounded_and_must_parse() {
    let client = Client::of(5).await;
    let mut socket = Socket::open(&client).await.unwrap();
    for id in 0..5 {
        socket.subscribe(id, &format!("a.b='{id}'")).await;
    }
    let sixth = socket.call(6, "subscribe", json!({ "query": "a.b='6'" })).await;
    assert!(sixth["error"]["data"].as_str().unwrap().contains("at most 5"), "{sixth}");
    for params in [json!({}), json!({ "query": "a.b=" }), json!({ "query": 5 })] {
        assert_eq!(socket.call(7, "subscribe", params).await["error"]["code"], -32602);
    }
    socket.send(&json!("no call")).await;
    assert_eq!(socket.next().await["error"]["code"], -32600);
    socket.0.send(Message::text("{")).await.unwrap();
    assert_eq!(socket.next().await["error"]["code"], -32700);
    // A notification is not answered: the next answer belongs to the next call.
    socket.send(&json!({ "method": "health" })).await;
    assert_eq!(socket.call(8, "health", json!({})).await["id"], 8);
}

#[tokio::test]
async fn open_sockets_are_bounded_and_closed_ones_make_room() {
    let client = Client::of(5).await;
    let mut open = Vec::new();
    for _ in 0..100 {
        open.push(Socket::open(&client).await.unwrap());
    }
    let Err(Error::Http(refused)) = Socket::open(&client).await.map(|_| ()) else { panic!("the 101st was let in") };
    assert_eq!(refused.status(), 503);
    // HTTP goes on.
    client.call("health", json!({})).await;
    let mut gone = open.pop().unwrap();
    gone.0.close(None).await.unwrap();
    // The server ends the connection once it has given the place back.
    while gone.0.next().await.is_some_and(|message| message.is_ok()) {}
    let mut last = Socket::open(&client).await.unwrap();
    assert_eq!(last.call(1, "health", json!({})).await["result"], json!({}));
}
