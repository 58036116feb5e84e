// segmentio's kafka-go; see ../../README.md.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl/scram"
)

const (
	partitions = 4
	sent       = 200
)

var (
	topic, group = env("TOPIC"), env("GROUP")
	ctx, _       = context.WithTimeout(context.Background(), 2*time.Minute)
)

func env(name string) string { return os.Getenv("CLIENT_" + name) }

func say(step, none string) {
	line := map[string]string{"step": step}
	if none != "" {
		line["none"] = none
	}
	text, _ := json.Marshal(line)
	fmt.Println(string(text))
}

func must(what string, err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, what+":", err)
		os.Exit(1)
	}
}

func check(what string, ok bool) {
	if !ok {
		must(what, fmt.Errorf("not so"))
	}
}

func values() (all []string) {
	for i := range sent {
		all = append(all, fmt.Sprintf("%s-sent-%d", env("MARK"), i))
	}
	return all
}

func login() (*kafka.Transport, *kafka.Dialer) {
	pem, err := os.ReadFile(env("CA"))
	must("CA", err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	conf := &tls.Config{RootCAs: pool}
	mechanism, err := scram.Mechanism(scram.SHA512, env("USER"), env("PASSWORD"))
	must("login", err)
	return &kafka.Transport{TLS: conf, SASL: mechanism}, &kafka.Dialer{TLS: conf, SASLMechanism: mechanism, Timeout: 10 * time.Second}
}

func client() *kafka.Client {
	transport, _ := login()
	return &kafka.Client{Addr: kafka.TCP(env("BOOTSTRAP")), Transport: transport}
}

// The errors of single topics or groups in an answer.
func each(what string, errors map[string]error) {
	for name, err := range errors {
		must(what+" "+name, err)
	}
}

func create() {
	r, err := client().CreateTopics(ctx, &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1}}})
	must("create", err)
	each("create", r.Errors)
	say("create", "")
	transport, _ := login()
	w := &kafka.Writer{Addr: kafka.TCP(env("BOOTSTRAP")), Topic: topic, Transport: transport, RequiredAcks: kafka.RequireAll,
		Balancer: &kafka.Hash{}, BatchTimeout: 10 * time.Millisecond}
	var all []kafka.Message
	for i, v := range values() {
		all = append(all, kafka.Message{Key: fmt.Appendf(nil, "k%d", i), Value: []byte(v)})
	}
	must("produce", w.WriteMessages(ctx, all...))
	must("close", w.Close())
	say("produce", "")
	say("transaction", "its writer has neither idempotence nor transactions")
}

// What came, by all members together.
type state struct {
	sync.Mutex
	values []string
}

func (s *state) join() (stop func()) {
	_, dialer := login()
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{env("BOOTSTRAP")}, GroupID: group, Topic: topic, Dialer: dialer,
		StartOffset: kafka.FirstOffset, IsolationLevel: kafka.ReadCommitted, MaxWait: 200 * time.Millisecond,
		HeartbeatInterval: 500 * time.Millisecond, SessionTimeout: 10 * time.Second})
	live, cancel := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			m, err := r.ReadMessage(live) // commits as well
			if err != nil {
				return
			}
			s.Lock()
			s.values = append(s.values, string(m.Value))
			s.Unlock()
		}
	}()
	return func() {
		cancel()
		<-over
		must("close", r.Close())
	}
}

func until(what string, condition func() bool) {
	for end := time.Now().Add(time.Minute); !condition(); time.Sleep(50 * time.Millisecond) {
		check("within a minute: "+what, time.Now().Before(end))
	}
}

// How many partitions each member of the group has, in order.
func divided() (has []int) {
	r, err := client().DescribeGroups(ctx, &kafka.DescribeGroupsRequest{GroupIDs: []string{group}})
	must("describe", err)
	check("one group", len(r.Groups) == 1)
	for _, m := range r.Groups[0].Members {
		n := 0
		for _, t := range m.MemberAssignments.Topics {
			check("of the topic: "+t.Topic, t.Topic == topic)
			n += len(t.Partitions)
		}
		has = append(has, n)
	}
	return has
}

func use() {
	var s state
	stopA := s.join()
	until("all records", func() bool { s.Lock(); defer s.Unlock(); return len(s.values) >= sent })
	want := values()
	slices.Sort(want)
	slices.Sort(s.values)
	check("records", slices.Equal(s.values, want))
	say("consume", "")
	say("commit", "")
	stopB := s.join()
	until("two and two partitions", func() bool { return slices.Equal(divided(), []int{2, 2}) })
	all, err := client().ListGroups(ctx, &kafka.ListGroupsRequest{})
	must("list groups", err)
	must("list groups", all.Error)
	check("a group of this tenant", slices.ContainsFunc(all.Groups, func(g kafka.ListGroupsResponseGroup) bool { return g.GroupID == group }))
	say("describe", "")
	stopB()
	until("all four again", func() bool { return slices.Equal(divided(), []int{partitions}) })
	check("nothing twice", len(s.values) == sent)
	say("rebalance", "")
	stopA()
	offsets, err := client().OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: {0, 1, 2, 3}}})
	must("offsets", err)
	for _, o := range offsets.Topics[topic] {
		check("committed", o.CommittedOffset > 0)
	}
}

func drop() {
	c := client()
	groups, err := c.DeleteGroups(ctx, &kafka.DeleteGroupsRequest{GroupIDs: []string{group}})
	must("delete group", err)
	each("delete group", groups.Errors)
	say("delete group", "")
	topics, err := c.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{topic}})
	must("delete topic", err)
	each("delete topic", topics.Errors)
	until("gone", func() bool {
		m, err := c.Metadata(ctx, &kafka.MetadataRequest{})
		must("metadata", err)
		return !slices.ContainsFunc(m.Topics, func(t kafka.Topic) bool { return t.Name == topic })
	})
	say("delete topic", "")
}

func main() {
	map[string]func(){"make": create, "use": use, "drop": drop}[os.Args[1]]()
}
