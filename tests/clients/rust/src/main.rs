//! rdkafka for Rust; see ../../README.md.
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use std::env::{args, var};
use std::future::Future;
use std::time::{Duration, Instant};

const PARTITIONS: usize = 4;
const SENT: usize = 200;
const COMMITTED: usize = 50;
const WAIT: Duration = Duration::from_secs(60);

type Done = Result<(), Box<dyn std::error::Error>>;

fn env(name: &str) -> String {
    var(format!("CLIENT_{name}")).expect("set by tests/clients/run")
}

fn say(step: &str) {
    println!("{{\"step\": \"{step}\"}}");
}

fn conf() -> ClientConfig {
    let mut c = ClientConfig::new();
    c.set("bootstrap.servers", env("BOOTSTRAP"))
        .set("security.protocol", "SASL_SSL")
        .set("ssl.ca.location", env("CA"))
        .set("sasl.mechanism", env("MECHANISM"))
        .set("sasl.username", env("USER"))
        .set("sasl.password", env("PASSWORD"));
    c
}

fn wait<T>(f: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(f)
}

fn values(kind: &str, n: usize) -> Vec<String> {
    (0..n).map(|i| format!("{}-{kind}-{i}", env("MARK"))).collect()
}

fn all_of_it() -> Vec<String> {
    let mut all = [values("sent", SENT), values("committed", COMMITTED)].concat();
    all.sort();
    all
}

fn admin() -> AdminClient<DefaultClientContext> {
    conf().create().expect("an admin client")
}

async fn send(p: &FutureProducer, kind: &str, n: usize) -> Done {
    let topic = env("TOPIC");
    let pairs: Vec<_> = values(kind, n).into_iter().enumerate().map(|(i, v)| (format!("k{i}"), v)).collect();
    let mut sent = Vec::new();
    for (key, value) in &pairs {
        sent.push(p.send(FutureRecord::to(&topic).key(key).payload(value), WAIT));
    }
    for s in sent {
        s.await.map_err(|(e, _)| e)?;
    }
    Ok(())
}

fn make() -> Done {
    let topic = env("TOPIC");
    let new = NewTopic::new(&topic, PARTITIONS as i32, TopicReplication::Fixed(-1));
    for r in wait(admin().create_topics([&new], &AdminOptions::new()))? {
        r.map_err(|(_, e)| e.to_string())?;
    }
    say("create");
    let p: FutureProducer = conf().set("enable.idempotence", "true").create()?;
    wait(send(&p, "sent", SENT))?;
    say("produce");
    let p: FutureProducer = conf().set("transactional.id", env("TXN")).create()?;
    p.init_transactions(WAIT)?;
    p.begin_transaction()?;
    wait(send(&p, "committed", COMMITTED))?;
    p.commit_transaction(WAIT)?;
    p.begin_transaction()?;
    wait(send(&p, "aborted", COMMITTED))?;
    p.abort_transaction(WAIT)?;
    say("transaction");
    Ok(())
}

fn consumer() -> BaseConsumer {
    let c: BaseConsumer = conf()
        .set("group.id", env("GROUP"))
        .set("auto.offset.reset", "earliest")
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("session.timeout.ms", "10000")
        .create()
        .expect("a consumer");
    c.subscribe(&[&env("TOPIC")]).expect("a subscription");
    c
}

fn take(c: &BaseConsumer, into: &mut Vec<String>) {
    if let Some(m) = c.poll(Duration::from_millis(200)) {
        let m = m.expect("a message");
        into.push(String::from_utf8(m.payload().expect("a value").to_vec()).expect("text"));
    }
}

fn has(c: &BaseConsumer) -> usize {
    c.assignment().expect("an assignment").count()
}

fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + WAIT;
    while !condition() {
        assert!(Instant::now() < end, "within a minute: {what}");
    }
}

fn use_it() -> Done {
    let (mut got, mut more) = (Vec::new(), Vec::new());
    let a = consumer();
    until("all records", || {
        take(&a, &mut got);
        got.len() >= SENT + COMMITTED
    });
    got.sort();
    assert_eq!(got, all_of_it());
    say("consume");
    a.commit_consumer_state(CommitMode::Sync)?;
    say("commit");
    let b = consumer();
    until("two and two partitions", || {
        take(&a, &mut more);
        take(&b, &mut more);
        has(&a) == 2 && has(&b) == 2
    });
    let list = a.fetch_group_list(Some(&env("GROUP")), WAIT)?;
    assert_eq!(list.groups().len(), 1, "a group of this tenant");
    assert_eq!(list.groups()[0].members().len(), 2);
    say("describe");
    drop(b);
    until("all four again", || {
        take(&a, &mut more);
        has(&a) == PARTITIONS
    });
    assert!(more.is_empty(), "nothing twice");
    say("rebalance");
    Ok(())
}

fn secure() -> Done {
    for step in ["acls", "quotas", "users"] {
        println!("{{\"step\": \"{step}\", \"none\": \"its admin client has no call for it\"}}");
    }
    Ok(())
}

fn drop_it() -> Done {
    let (a, topic) = (admin(), env("TOPIC"));
    for r in wait(a.delete_groups(&[&env("GROUP")], &AdminOptions::new()))? {
        r.map_err(|(_, e)| e.to_string())?;
    }
    say("delete group");
    for r in wait(a.delete_topics(&[&topic], &AdminOptions::new()))? {
        r.map_err(|(_, e)| e.to_string())?;
    }
    until("gone", || {
        let all = a.inner().fetch_metadata(None, WAIT).expect("metadata");
        !all.topics().iter().any(|t| t.name() == topic)
    });
    say("delete topic");
    Ok(())
}

fn main() -> Done {
    match args().nth(1).as_deref() {
        Some("make") => make(),
        Some("use") => use_it(),
        Some("secure") => secure(),
        Some("drop") => drop_it(),
        _ => Err("usage: make|use|secure|drop".into()),
    }
}
