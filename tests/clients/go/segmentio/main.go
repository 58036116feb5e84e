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

	produceRate = 1048576
	iterations  = 8192
)

var (
	topic, group, guest = env("TOPIC"), env("GROUP"), env("GUEST")
	ctx, _              = context.WithTimeout(context.Background(), 2*time.Minute)
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

// The right to read, which stays, and the one to write, which is taken back.
func acls(c *kafka.Client) {
	acl := func(pattern kafka.PatternType, operation kafka.ACLOperationType) kafka.ACLEntry {
		return kafka.ACLEntry{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, ResourcePatternType: pattern,
			Principal: "User:" + guest, Host: "*", Operation: operation, PermissionType: kafka.ACLPermissionTypeAllow}
	}
	made, err := c.CreateACLs(ctx, &kafka.CreateACLsRequest{ACLs: []kafka.ACLEntry{acl(kafka.PatternTypeLiteral, kafka.ACLOperationTypeRead),
		acl(kafka.PatternTypePrefixed, kafka.ACLOperationTypeWrite)}})
	must("create ACLs", err)
	for _, e := range made.Errors {
		must("create ACLs", e)
	}
	described := func() []kafka.ACLResource {
		r, err := c.DescribeACLs(ctx, &kafka.DescribeACLsRequest{Filter: kafka.ACLFilter{ResourceTypeFilter: kafka.ResourceTypeAny,
			ResourcePatternTypeFilter: kafka.PatternTypeAny, PrincipalFilter: "User:" + guest, Operation: kafka.ACLOperationTypeAny,
			PermissionType: kafka.ACLPermissionTypeAny}})
		must("describe ACLs", err)
		must("describe ACLs", r.Error)
		return r.Resources
	}
	check("two ACLs", len(described()) == 2)
	gone, err := c.DeleteACLs(ctx, &kafka.DeleteACLsRequest{Filters: []kafka.DeleteACLsFilter{{ResourceTypeFilter: kafka.ResourceTypeAny,
		ResourcePatternTypeFilter: kafka.PatternTypeAny, PrincipalFilter: "User:" + guest, Operation: kafka.ACLOperationTypeWrite,
		PermissionType: kafka.ACLPermissionTypeAny}}})
	must("delete an ACL", err)
	must("delete an ACL", gone.Results[0].Error)
	check("one is deleted", len(gone.Results[0].MatchingACLs) == 1)
	left := described()
	check("the other is left", len(left) == 1 && left[0].ResourceName == topic && left[0].PatternType == kafka.PatternTypeLiteral &&
		len(left[0].ACLs) == 1 && left[0].ACLs[0].Operation == kafka.ACLOperationTypeRead)
	say("acls", "")
}

func quotas(c *kafka.Client) {
	who := []kafka.AlterClientQuotaEntity{{EntityType: "user", EntityName: guest}}
	for _, ops := range [][]kafka.AlterClientQuotaOps{{{Key: "producer_byte_rate", Value: produceRate}, {Key: "consumer_byte_rate", Value: 1}},
		{{Key: "consumer_byte_rate", Remove: true}}} {
		r, err := c.AlterClientQuotas(ctx, &kafka.AlterClientQuotasRequest{Entries: []kafka.AlterClientQuotaEntry{{Entities: who, Ops: ops}}})
		must("alter quotas", err)
		must("alter quotas", r.Entries[0].Error)
	}
	found, err := c.DescribeClientQuotas(ctx, &kafka.DescribeClientQuotasRequest{Strict: true,
		Components: []kafka.DescribeClientQuotasRequestComponent{{EntityType: "user", Match: guest}}})
	must("describe quotas", err)
	must("describe quotas", found.Error)
	check("one quota", len(found.Entries) == 1 && len(found.Entries[0].Values) == 1 && found.Entries[0].Values[0].Value == produceRate)
	say("quotas", "")
}

func users(c *kafka.Client) {
	alter := func(r *kafka.AlterUserScramCredentialsRequest) {
		altered, err := c.AlterUserScramCredentials(ctx, r)
		must("alter a user", err)
		must("alter a user", altered.Results[0].Error)
	}
	// The library leaves salting to its user.
	for m, bytes := range map[kafka.ScramMechanism]int{kafka.ScramMechanismSha256: 32, kafka.ScramMechanismSha512: 64} {
		alter(&kafka.AlterUserScramCredentialsRequest{Upsertions: []kafka.UserScramCredentialsUpsertion{{Name: guest, Mechanism: m,
			Iterations: iterations, Salt: []byte("salt of sixteen "), SaltedPassword: make([]byte, bytes)}}})
	}
	alter(&kafka.AlterUserScramCredentialsRequest{Deletions: []kafka.UserScramCredentialsDeletion{{Name: guest, Mechanism: kafka.ScramMechanismSha256}}})
	found, err := c.DescribeUserScramCredentials(ctx, &kafka.DescribeUserScramCredentialsRequest{Users: []kafka.UserScramCredentialsUser{{Name: guest}}})
	must("describe a user", err)
	must("describe a user", found.Error)
	check("one password", slices.Equal(found.Results[0].CredentialInfos, []kafka.DescribeUserScramCredentialsCredentialInfo{
		{Mechanism: kafka.ScramMechanismSha512, Iterations: iterations}}))
	say("users", "")
}

func secure() {
	c := client()
	acls(c)
	quotas(c)
	users(c)
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
	map[string]func(){"make": create, "use": use, "secure": secure, "drop": drop}[os.Args[1]]()
}
