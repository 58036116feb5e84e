// franz-go; see ../../README.md.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

const (
	partitions = 4
	sent       = 200
	committed  = 50

	produceRate = 1048576
	iterations  = 8192
)

var (
	topic, group, guest = env("TOPIC"), env("GROUP"), env("GUEST")
	ctx, _              = context.WithTimeout(context.Background(), 2*time.Minute)
)

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

func client(opts ...kgo.Opt) *kgo.Client {
	pem, err := os.ReadFile(env("CA"))
	must("CA", err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	auth := scram.Auth{User: env("USER"), Pass: env("PASSWORD")}
	c, err := kgo.NewClient(append(opts, kgo.SeedBrokers(env("BOOTSTRAP")), kgo.DialTLSConfig(&tls.Config{RootCAs: pool}),
		kgo.SASL(auth.AsSha512Mechanism()))...)
	must("client", err)
	return c
}

func records(kind string, n int) (all []*kgo.Record) {
	for i, v := range values(kind, n) {
		all = append(all, &kgo.Record{Topic: topic, Key: fmt.Appendf(nil, "k%d", i), Value: []byte(v)})
	}
	return all
}

func create() {
	c := client()
	defer c.Close()
	_, err := kadm.NewClient(c).CreateTopic(ctx, partitions, -1, nil, topic)
	must("create", err)
	say("create")
	must("produce", c.ProduceSync(ctx, records("sent", sent)...).FirstErr()) // idempotent by default
	say("produce")
	t := client(kgo.TransactionalID(env("TXN")))
	defer t.Close()
	for _, x := range []struct {
		kind string
		end  kgo.TransactionEndTry
	}{{"committed", kgo.TryCommit}, {"aborted", kgo.TryAbort}} {
		must("begin", t.BeginTransaction())
		must("send", t.ProduceSync(ctx, records(x.kind, committed)...).FirstErr())
		must("end", t.EndTransaction(ctx, x.end))
	}
	say("transaction")
}

// A member of the group and how many partitions it has.
type member struct {
	*kgo.Client
	has atomic.Int32
}

func consumer() *member {
	m := &member{}
	count := func(by int32) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, p map[string][]int32) { m.has.Add(by * int32(len(p[topic]))) }
	}
	m.Client = client(kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.HeartbeatInterval(500*time.Millisecond), kgo.OnPartitionsAssigned(count(1)), kgo.OnPartitionsRevoked(count(-1)),
		kgo.OnPartitionsLost(count(-1)))
	return m
}

func (m *member) take(into *[]string) {
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	m.PollFetches(short).EachRecord(func(r *kgo.Record) { *into = append(*into, string(r.Value)) })
	m.AllowRebalance()
}

func until(what string, condition func() bool) {
	for end := time.Now().Add(time.Minute); !condition(); {
		check("within a minute: "+what, time.Now().Before(end))
	}
}

func use() {
	var got, more []string
	a := consumer()
	until("all records", func() bool { a.take(&got); return len(got) >= len(allOfIt()) })
	slices.Sort(got)
	check(fmt.Sprintf("records: %d", len(got)), slices.Equal(got, allOfIt()))
	say("consume")
	must("commit", a.CommitUncommittedOffsets(ctx))
	say("commit")
	b := consumer()
	until("two and two partitions", func() bool { a.take(&more); b.take(&more); return a.has.Load() == 2 && b.has.Load() == 2 })
	c := client()
	defer c.Close()
	admin := kadm.NewClient(c)
	d, err := admin.DescribeGroups(ctx, group)
	must("describe", err)
	check("members", len(d[group].Members) == 2)
	for t := range d.AssignedPartitions() {
		check("of the topic: "+t, t == topic)
	}
	all, err := admin.ListGroups(ctx)
	must("list groups", err)
	check("a group of this tenant", slices.Contains(all.Groups(), group))
	say("describe")
	b.Close()
	until("all four again", func() bool { a.take(&more); return a.has.Load() == partitions })
	check("nothing twice", len(more) == 0)
	say("rebalance")
	a.Close()
	offsets, err := admin.FetchOffsets(ctx, group)
	must("offsets", err)
	check("committed partitions", len(offsets[topic]) == partitions)
}

// The right to read, which stays, and the one to write, which is taken back.
func acls(admin *kadm.Client) {
	write := kadm.NewACLs().Allow("User:" + guest).AllowHosts("*").Topics(topic).ResourcePatternType(kadm.ACLPatternPrefixed).Operations(kadm.OpWrite)
	made, err := admin.CreateACLs(ctx, kadm.NewACLs().Allow("User:"+guest).Topics(topic).Operations(kadm.OpRead))
	must("create an ACL", err)
	must("create an ACL", made[0].Err)
	made, err = admin.CreateACLs(ctx, write)
	must("create another", err)
	must("create another", made[0].Err)
	described := func() (all []string) {
		found, err := admin.DescribeACLs(ctx, kadm.NewACLs().Allow("User:"+guest).AllowHosts().AnyResource().ResourcePatternType(kadm.ACLPatternAny).Operations())
		must("describe ACLs", err)
		for _, f := range found {
			must("describe ACLs", f.Err)
			for _, a := range f.Described {
				all = append(all, fmt.Sprint(a.Pattern, a.Name, a.Operation))
			}
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	check("two ACLs", len(described()) == 2)
	gone, err := admin.DeleteACLs(ctx, write)
	must("delete an ACL", err)
	must("delete an ACL", gone[0].Err)
	check("one is deleted", len(gone[0].Deleted) == 1)
	check("the other is left", slices.Equal(described(), []string{fmt.Sprint(kadm.ACLPatternLiteral, topic, kadm.OpRead)}))
	say("acls")
}

func quotas(admin *kadm.Client) {
	who := kadm.ClientQuotaEntity{{Type: "user", Name: &guest}}
	for _, ops := range [][]kadm.AlterClientQuotaOp{{{Key: "producer_byte_rate", Value: produceRate}, {Key: "consumer_byte_rate", Value: 1}},
		{{Key: "consumer_byte_rate", Remove: true}}} {
		altered, err := admin.AlterClientQuotas(ctx, []kadm.AlterClientQuotaEntry{{Entity: who, Ops: ops}})
		must("alter quotas", err)
		must("alter quotas", altered[0].Err)
	}
	found, err := admin.DescribeClientQuotas(ctx, true, []kadm.DescribeClientQuotaComponent{{Type: "user", MatchName: &guest}})
	must("describe quotas", err)
	check("one quota", len(found) == 1 && slices.Equal(found[0].Values, kadm.ClientQuotaValues{{Key: "producer_byte_rate", Value: produceRate}}))
	say("quotas")
}

func users(admin *kadm.Client) {
	upsert := func(m kadm.ScramMechanism) {
		altered, err := admin.AlterUserSCRAMs(ctx, nil, []kadm.UpsertSCRAM{{User: guest, Mechanism: m, Iterations: iterations, Password: "a password"}})
		must("set a password", err)
		must("set a password", altered.Error())
	}
	upsert(kadm.ScramSha256)
	upsert(kadm.ScramSha512)
	altered, err := admin.AlterUserSCRAMs(ctx, []kadm.DeleteSCRAM{{User: guest, Mechanism: kadm.ScramSha256}}, nil)
	must("delete a password", err)
	must("delete a password", altered.Error())
	found, err := admin.DescribeUserSCRAMs(ctx, guest)
	must("describe a user", err)
	must("describe a user", found.Error())
	check("one password", slices.Equal(found[guest].CredInfos, []kadm.CredInfo{{Mechanism: kadm.ScramSha512, Iterations: iterations}}))
	say("users")
}

func secure() {
	c := client()
	defer c.Close()
	admin := kadm.NewClient(c)
	acls(admin)
	quotas(admin)
	users(admin)
}

func drop() {
	c := client()
	defer c.Close()
	admin := kadm.NewClient(c)
	groups, err := admin.DeleteGroups(ctx, group)
	must("delete group", err)
	must("delete group", groups.Error())
	say("delete group")
	topics, err := admin.DeleteTopics(ctx, topic)
	must("delete topic", err)
	must("delete topic", topics.Error())
	until("gone", func() bool {
		all, err := admin.ListTopics(ctx)
		must("list topics", err)
		return !all.Has(topic)
	})
	say("delete topic")
}

func main() {
	map[string]func(){"make": create, "use": use, "secure": secure, "drop": drop}[os.Args[1]]()
}
