// franz-go as a compat client; the commands are in ../README.md.
package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const patience = 60 * time.Second

type object map[string]any

type record struct {
	Offset    int64        `json:"offset"`
	Timestamp int64        `json:"timestamp"`
	Key       *string      `json:"key"`
	Value     *string      `json:"value"`
	Headers   [][2]*string `json:"headers"`
}

type command struct {
	Do         string
	Topic      string
	Partition  int32
	Partitions int32
	Codec      string
	Records    []record
	Start      int64
	Since      *int64
	Group      string
	Count      int
	Protocol   string
}

var codecs = map[string]kgo.CompressionCodec{
	"none":   kgo.NoCompression(),
	"gzip":   kgo.GzipCompression(),
	"snappy": kgo.SnappyCompression(),
	"lz4":    kgo.Lz4Compression(),
	"zstd":   kgo.ZstdCompression(),
}

func say(message object) {
	line, err := json.Marshal(message)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}

func fromHex(text *string) []byte {
	if text == nil {
		return nil
	}
	data, err := hex.DecodeString(*text)
	if err != nil {
		panic(err)
	}
	return data
}

func toHex(data []byte) *string {
	if data == nil {
		return nil
	}
	text := hex.EncodeToString(data)
	return &text
}

func connect(settings ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append(settings,
		kgo.SeedBrokers(os.Args[1]),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	)...)
}

func groupSettings(c command) []kgo.Opt {
	settings := []kgo.Opt{kgo.ConsumerGroup(c.Group), kgo.ConsumeTopics(c.Topic), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll()}
	if c.Protocol == "consumer" {
		return append(settings, kgo.ServerSideBalancer(), kgo.Balancers(kgo.StickyBalancer()))
	}
	return append(settings, kgo.SessionTimeout(6*time.Second), kgo.HeartbeatInterval(time.Second))
}

func create(ctx context.Context, c command) (any, error) {
	client, err := connect()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	_, err = kadm.NewClient(client).CreateTopic(ctx, c.Partitions, 1, nil, c.Topic)
	return object{}, err
}

func produce(ctx context.Context, c command) (any, error) {
	client, err := connect(kgo.ProducerBatchCompression(codecs[c.Codec]), kgo.ProducerLinger(100*time.Millisecond))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	var records []*kgo.Record
	for _, r := range c.Records {
		sent := &kgo.Record{
			Topic: c.Topic, Partition: c.Partition,
			Key: fromHex(r.Key), Value: fromHex(r.Value), Timestamp: time.UnixMilli(r.Timestamp),
		}
		for _, header := range r.Headers {
			sent.Headers = append(sent.Headers, kgo.RecordHeader{Key: *header[0], Value: fromHex(header[1])})
		}
		records = append(records, sent)
	}
	offsets := make([]int64, len(records))
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return nil, err
	}
	for index, sent := range records {
		offsets[index] = sent.Offset
	}
	return object{"offsets": offsets}, nil
}

func read(ctx context.Context, c command) (any, error) {
	client, err := connect()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	ends, err := admin.ListEndOffsets(ctx, c.Topic)
	if err != nil {
		return nil, err
	}
	end, _ := ends.Lookup(c.Topic, c.Partition)
	next := c.Start
	if c.Since != nil {
		found, err := admin.ListOffsetsAfterMilli(ctx, *c.Since, c.Topic)
		if err != nil {
			return nil, err
		}
		offset, _ := found.Lookup(c.Topic, c.Partition)
		next = offset.Offset
	}
	records := []record{}
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{c.Topic: {c.Partition: kgo.NewOffset().At(next)}})
	for next < end.Offset {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			next = r.Offset + 1
			got := record{Offset: r.Offset, Timestamp: r.Timestamp.UnixMilli(), Key: toHex(r.Key), Value: toHex(r.Value), Headers: [][2]*string{}}
			for _, header := range r.Headers {
				got.Headers = append(got.Headers, [2]*string{&header.Key, toHex(header.Value)})
			}
			records = append(records, got)
		})
	}
	return object{"records": records}, nil
}

func consume(ctx context.Context, c command) (any, error) {
	client, err := connect(groupSettings(c)...)
	if err != nil {
		return nil, err
	}
	defer client.CloseAllowingRebalance()
	var values []string
	var last *kgo.Record
	for len(values) < c.Count {
		fetches := client.PollRecords(ctx, c.Count-len(values))
		if err := fetches.Err(); err != nil {
			return nil, err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			values, last = append(values, string(r.Value)), r
		})
		if last != nil {
			err = client.CommitRecords(ctx, last)
		}
		client.AllowRebalance()
	}
	return object{"values": values}, err
}

func stream(ctx context.Context, c command) (any, error) {
	client, err := connect(kgo.ProducerLinger(5*time.Millisecond), kgo.RecordDeliveryTimeout(2*patience))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	var acked atomic.Int64
	failed := make(chan error, 1)
	for number := range c.Count {
		sent := &kgo.Record{Topic: c.Topic, Partition: c.Partition, Value: []byte(strconv.Itoa(number))}
		client.Produce(ctx, sent, func(_ *kgo.Record, err error) {
			if err != nil {
				select {
				case failed <- err:
				default:
				}
			} else if done := acked.Add(1); done%500 == 0 {
				say(object{"event": "acked", "count": done})
			}
		})
		if number%100 == 99 {
			time.Sleep(20 * time.Millisecond)
		}
	}
	if err := client.Flush(ctx); err != nil {
		return nil, err
	}
	select {
	case err := <-failed:
		return nil, err
	default:
		return object{"acked": acked.Load()}, nil
	}
}

// member reads as a member of the group until standard input closes, committing after every poll.
func member(_ context.Context, c command, input io.Reader) (any, error) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, input)
		cancel()
	}()
	client, err := connect(groupSettings(c)...)
	if err != nil {
		return nil, err
	}
	defer client.CloseAllowingRebalance()
	for {
		fetches := client.PollRecords(ctx, 50)
		if ctx.Err() != nil {
			return object{}, nil
		}
		for _, failure := range fetches.Errors() {
			fmt.Fprintln(os.Stderr, "fetch:", failure.Err)
		}
		next := map[string]int64{}
		fetches.EachRecord(func(r *kgo.Record) {
			next[strconv.Itoa(int(r.Partition))] = r.Offset + 1
			say(object{"event": "got", "partition": r.Partition, "offset": r.Offset, "value": string(r.Value)})
		})
		if len(next) > 0 {
			// Not under ctx: what was said to be read is committed before the member leaves.
			if err := client.CommitRecords(context.Background(), fetches.Records()...); err == nil {
				say(object{"event": "committed", "offsets": next})
			} else {
				// The group moved on; whoever owns the partition now reads these again.
				say(object{"event": "refused", "reason": err.Error()})
			}
		}
		client.AllowRebalance()
	}
}

func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/twmb/franz-go" {
			return "franz-go " + module.Version
		}
	}
	return "franz-go"
}

func main() {
	say(object{
		"event": "ready", "version": version(),
		"codecs":    []string{"none", "gzip", "snappy", "lz4", "zstd"},
		"protocols": []string{"classic", "consumer"},
	})
	input := bufio.NewReader(os.Stdin)
	commands := map[string]func(context.Context, command) (any, error){
		"create": create, "produce": produce, "read": read, "consume": consume, "stream": stream,
		"member": func(ctx context.Context, c command) (any, error) { return member(ctx, c, input) },
	}
	for {
		line, err := input.ReadBytes('\n')
		if err == io.EOF {
			return
		}
		var c command
		if err == nil {
			err = json.Unmarshal(line, &c)
		}
		if err != nil {
			panic(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
		done, err := commands[c.Do](ctx, c)
		cancel()
		if err != nil {
			say(object{"error": err.Error()})
		} else {
			say(object{"done": done})
		}
	}
}
