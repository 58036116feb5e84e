// Sarama; see ../../README.md.
package main

import (
	"context"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"
)

const (
	partitions = 4
	sent       = 200
	committed  = 50

	produceRate = 1048576
	iterations  = 8192
)

var topic, group, guest = env("TOPIC"), env("GROUP"), env("GUEST")

func env(name string) string { return os.Getenv("CLIENT_" + name) }

func say(step string) {
	line, _ := json.Marshal(map[string]string{"step": step})
	fmt.Println(string(line))
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

func values(kind string, n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("%s-%s-%d", env("MARK"), kind, i))
	}
	return all
}

func allOfIt() []string {
	all := append(values("sent", sent), values("committed", committed)...)
	slices.Sort(all)
	return all
}

// Sarama has no SCRAM of its own.
type conversation struct{ *scram.ClientConversation }

func (c *conversation) Begin(user, password, authz string) error {
	client, err := scram.HashGeneratorFcn(sha512.New).NewClient(user, password, authz)
	if err == nil {
		c.ClientConversation = client.NewConversation()
	}
	return err
}

func conf() *sarama.Config {
	pem, err := os.ReadFile(env("CA"))
	must("CA", err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	c := sarama.NewConfig()
	c.Version = sarama.MaxVersion
	c.Net.TLS.Enable, c.Net.TLS.Config = true, &tls.Config{RootCAs: pool}
	c.Net.SASL.Enable, c.Net.SASL.User, c.Net.SASL.Password = true, env("USER"), env("PASSWORD")
	c.Net.SASL.Mechanism = sarama.SASLTypeSCRAMSHA512
	c.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &conversation{} }
	c.Producer.Return.Successes = true
	c.Producer.Idempotent, c.Net.MaxOpenRequests, c.Producer.RequiredAcks = true, 1, sarama.WaitForAll
	c.Consumer.Offsets.Initial, c.Consumer.Offsets.AutoCommit.Enable = sarama.OffsetOldest, false
	c.Consumer.IsolationLevel = sarama.ReadCommitted
	c.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	return c
}

func brokers() []string { return []string{env("BOOTSTRAP")} }

func admin() sarama.ClusterAdmin {
	a, err := sarama.NewClusterAdmin(brokers(), conf())
	must("admin", err)
	return a
}

func producer(txn string) sarama.SyncProducer {
	c := conf()
	c.Producer.Transaction.ID = txn
	p, err := sarama.NewSyncProducer(brokers(), c)
	must("producer", err)
	return p
}

func send(p sarama.SyncProducer, kind string, n int) {
	var all []*sarama.ProducerMessage
	for i, v := range values(kind, n) {
		key := sarama.StringEncoder(fmt.Sprintf("k%d", i))
		all = append(all, &sarama.ProducerMessage{Topic: topic, Key: key, Value: sarama.StringEncoder(v)})
	}
	must("send", p.SendMessages(all))
}

func create() {
	a := admin()
	must("create", a.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: -1}, false))
	must("close", a.Close())
	say("create")
	p := producer("")
	send(p, "sent", sent)
	must("close", p.Close())
	say("produce")
	t := producer(env("TXN"))
	must("begin", t.BeginTxn())
	send(t, "committed", committed)
	must("commit", t.CommitTxn())
	must("begin", t.BeginTxn())
	send(t, "aborted", committed)
	must("abort", t.AbortTxn())
	must("close", t.Close())
	say("transaction")
}

// What the members of the group have and got.
type state struct {
	sync.Mutex
	values []string
	has    [2]int
}

func (s *state) until(what string, condition func() bool) {
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		s.Lock()
		ok := condition()
		s.Unlock()
		if ok {
			return
		}
		check("within a minute: "+what, time.Now().Before(end))
	}
}

type member struct {
	*state
	number int
}

func (m member) Setup(s sarama.ConsumerGroupSession) error {
	m.Lock()
	defer m.Unlock()
	m.has[m.number] = len(s.Claims()[topic])
	return nil
}

func (m member) Cleanup(s sarama.ConsumerGroupSession) error {
	m.Lock()
	defer m.Unlock()
	m.has[m.number] = 0
	s.Commit()
	return nil
}

func (m member) ConsumeClaim(s sarama.ConsumerGroupSession, c sarama.ConsumerGroupClaim) error {
	for {
		select {
		case r, ok := <-c.Messages():
			if !ok {
				return nil
			}
			m.Lock()
			m.values = append(m.values, string(r.Value))
			m.Unlock()
			s.MarkMessage(r, "")
			s.Commit()
		case <-s.Context().Done():
			return nil
		}
	}
}

// Consumes until it is stopped.
func (s *state) join(number int) (stop func()) {
	g, err := sarama.NewConsumerGroup(brokers(), group, conf())
	must("consumer group", err)
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		for ctx.Err() == nil {
			must("consume", g.Consume(ctx, []string{topic}, member{s, number}))
		}
	}()
	return func() {
		cancel()
		<-over
		must("close", g.Close())
	}
}

func use() {
	var s state
	stopA := s.join(0)
	s.until("all records", func() bool { return len(s.values) >= len(allOfIt()) })
	slices.Sort(s.values)
	check("records", slices.Equal(s.values, allOfIt()))
	say("consume")
	say("commit")
	stopB := s.join(1)
	s.until("two and two partitions", func() bool { return s.has == [2]int{2, 2} })
	a := admin()
	d, err := a.DescribeConsumerGroups([]string{group})
	must("describe", err)
	check("members", len(d) == 1 && len(d[0].Members) == 2)
	for _, m := range d[0].Members {
		assignment, err := m.GetMemberAssignment()
		must("assignment", err)
		check("of the topic", len(assignment.Topics) == 1 && len(assignment.Topics[topic]) == 2)
	}
	all, err := a.ListConsumerGroups()
	must("list groups", err)
	_, listed := all[group]
	check("a group of this tenant", listed)
	say("describe")
	stopB()
	s.until("all four again", func() bool { return s.has == [2]int{partitions, 0} })
	check("nothing twice", len(s.values) == len(allOfIt()))
	say("rebalance")
	stopA()
	offsets, err := a.ListConsumerGroupOffsets(group, nil)
	must("offsets", err)
	check("committed partitions", len(offsets.Blocks[topic]) == partitions)
	must("close", a.Close())
}

// The right to read, which stays, and the one to write, which is taken back.
func acls(a sarama.ClusterAdmin) {
	principal := "User:" + guest
	acl := func(operation sarama.AclOperation) sarama.Acl {
		return sarama.Acl{Principal: principal, Host: "*", Operation: operation, PermissionType: sarama.AclPermissionAllow}
	}
	resource := func(pattern sarama.AclResourcePatternType) sarama.Resource {
		return sarama.Resource{ResourceType: sarama.AclResourceTopic, ResourceName: topic, ResourcePatternType: pattern}
	}
	must("create an ACL", a.CreateACL(resource(sarama.AclPatternLiteral), acl(sarama.AclOperationRead)))
	must("create another", a.CreateACL(resource(sarama.AclPatternPrefixed), acl(sarama.AclOperationWrite)))
	filter := sarama.AclFilter{ResourceType: sarama.AclResourceAny, ResourcePatternTypeFilter: sarama.AclPatternAny, Principal: &principal,
		Operation: sarama.AclOperationAny, PermissionType: sarama.AclPermissionAny}
	found, err := a.ListAcls(filter)
	must("list ACLs", err)
	check("two ACLs", len(found) == 2)
	filter.Operation = sarama.AclOperationWrite
	gone, err := a.DeleteACL(filter, false)
	must("delete an ACL", err)
	check("one is deleted", len(gone) == 1 && gone[0].Err == sarama.ErrNoError)
	filter.Operation = sarama.AclOperationAny
	found, err = a.ListAcls(filter)
	must("list ACLs", err)
	check("the other is left", len(found) == 1 && found[0].Resource == resource(sarama.AclPatternLiteral) && len(found[0].Acls) == 1 &&
		*found[0].Acls[0] == acl(sarama.AclOperationRead))
	say("acls")
}

func quotas(a sarama.ClusterAdmin) {
	who := []sarama.QuotaEntityComponent{{EntityType: sarama.QuotaEntityUser, MatchType: sarama.QuotaMatchExact, Name: guest}}
	for _, op := range []sarama.ClientQuotasOp{{Key: "producer_byte_rate", Value: produceRate}, {Key: "consumer_byte_rate", Value: 1},
		{Key: "consumer_byte_rate", Remove: true}} {
		must("alter quotas", a.AlterClientQuotas(who, op, false))
	}
	found, err := a.DescribeClientQuotas([]sarama.QuotaFilterComponent{{EntityType: sarama.QuotaEntityUser, MatchType: sarama.QuotaMatchExact,
		Match: guest}}, true)
	must("describe quotas", err)
	check("one quota", len(found) == 1 && len(found[0].Values) == 1 && found[0].Values["producer_byte_rate"] == produceRate)
	say("quotas")
}

func users(a sarama.ClusterAdmin) {
	each := func(what string, results []*sarama.AlterUserScramCredentialsResult, err error) {
		must(what, err)
		check(what, len(results) == 1 && results[0].ErrorCode == sarama.ErrNoError)
	}
	for _, m := range []sarama.ScramMechanismType{sarama.SCRAM_MECHANISM_SHA_256, sarama.SCRAM_MECHANISM_SHA_512} {
		results, err := a.UpsertUserScramCredentials([]sarama.AlterUserScramCredentialsUpsert{{Name: guest, Mechanism: m, Iterations: iterations,
			Salt: []byte("salt of sixteen "), Password: []byte("a password")}})
		each("set a password", results, err)
	}
	results, err := a.DeleteUserScramCredentials([]sarama.AlterUserScramCredentialsDelete{{Name: guest, Mechanism: sarama.SCRAM_MECHANISM_SHA_256}})
	each("delete a password", results, err)
	found, err := a.DescribeUserScramCredentials([]string{guest})
	must("describe a user", err)
	check("one password", len(found) == 1 && len(found[0].CredentialInfos) == 1 &&
		*found[0].CredentialInfos[0] == sarama.UserScramCredentialsResponseInfo{Mechanism: sarama.SCRAM_MECHANISM_SHA_512, Iterations: iterations})
	say("users")
}

func secure() {
	a := admin()
	acls(a)
	quotas(a)
	users(a)
	must("close", a.Close())
}

func drop() {
	a := admin()
	must("delete group", a.DeleteConsumerGroup(group))
	say("delete group")
	must("delete topic", a.DeleteTopic(topic))
	for end := time.Now().Add(time.Minute); ; {
		all, err := a.ListTopics()
		must("list topics", err)
		if _, there := all[topic]; !there {
			break
		}
		check("within a minute: gone", time.Now().Before(end))
	}
	say("delete topic")
}

func main() {
	map[string]func(){"make": create, "use": use, "secure": secure, "drop": drop}[os.Args[1]]()
}
