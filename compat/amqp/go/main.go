// amqp091-go as a compat client; the commands are in ../../README.md.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	patience = 120 * time.Second
	replyTo  = "amq.rabbitmq.reply-to"
)

type object = map[string]any

// command has the fields of every command.
type command struct {
	Do, Name, Type, Queue, Exchange, Destination, Source, Key, Consumer, Then, Vhost string
	Passive, Durable, Exclusive, Internal, Mandatory                                 bool
	AutoDelete                                                                       bool `json:"auto_delete"`
	NoAck                                                                            bool `json:"no_ack"`
	WaitMs                                                                           int  `json:"wait_ms"`
	Count, Bytes, Prefetch, Times                                                    int
	Arguments                                                                        object
	Messages                                                                         []object
	Bodies                                                                           []string
}

func say(message object) {
	line, err := json.Marshal(message)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}

// value turns JSON into what the library writes: integers name their type, as {"i16": 5}.
func value(from any) any {
	switch from := from.(type) {
	case object:
		for kind, number := range from {
			if number, is := number.(float64); is && len(from) == 1 {
				switch kind {
				case "i8":
					return int8(number)
				case "i16":
					return int16(number)
				case "i32":
					return int32(number)
				case "i64":
					return int64(number)
				}
			}
		}
		return table(from)
	case []any:
		list := make([]any, len(from))
		for place, item := range from {
			list[place] = value(item)
		}
		return list
	case float64:
		if from == math.Trunc(from) {
			return int64(from)
		}
	}
	return from
}

func table(from object) amqp.Table {
	if from == nil {
		return nil
	}
	table := amqp.Table{}
	for name, item := range from {
		table[name] = value(item)
	}
	return table
}

// plain is the way back.
func plain(from any) any {
	switch from := from.(type) {
	case int8:
		return object{"i8": from}
	case int16:
		return object{"i16": from}
	case int32:
		return object{"i32": from}
	case int64:
		return object{"i64": from}
	case []byte:
		return string(from)
	case time.Time:
		return from.Unix()
	case amqp.Table:
		table := object{}
		for name, item := range from {
			table[name] = plain(item)
		}
		return table
	case []any:
		list := make([]any, len(from))
		for place, item := range from {
			list[place] = plain(item)
		}
		return list
	}
	return from
}

func text(of object, name string) string {
	found, _ := of[name].(string)
	return found
}

func number(of object, name string) uint8 {
	found, _ := of[name].(float64)
	return uint8(found)
}

func publishing(message object) amqp.Publishing {
	headers, _ := message["headers"].(object)
	made := amqp.Publishing{
		Headers: table(headers), Body: []byte(text(message, "body")), ContentType: text(message, "content_type"),
		ContentEncoding: text(message, "content_encoding"), DeliveryMode: number(message, "delivery_mode"),
		Priority: number(message, "priority"), CorrelationId: text(message, "correlation_id"), ReplyTo: text(message, "reply_to"),
		Expiration: text(message, "expiration"), MessageId: text(message, "message_id"), Type: text(message, "type"),
		UserId: text(message, "user_id"), AppId: text(message, "app_id"),
	}
	if seconds, is := message["timestamp"].(float64); is {
		made.Timestamp = time.Unix(int64(seconds), 0)
	}
	return made
}

// shown leaves out what has no value: the library does not tell it from what is absent.
func shown(got amqp.Delivery) object {
	message := object{"body": string(got.Body), "exchange": got.Exchange, "key": got.RoutingKey, "redelivered": got.Redelivered}
	for name, found := range map[string]string{
		"content_type": got.ContentType, "content_encoding": got.ContentEncoding, "correlation_id": got.CorrelationId,
		"reply_to": got.ReplyTo, "expiration": got.Expiration, "message_id": got.MessageId, "type": got.Type,
		"user_id": got.UserId, "app_id": got.AppId,
	} {
		if found != "" {
			message[name] = found
		}
	}
	for name, found := range map[string]uint8{"delivery_mode": got.DeliveryMode, "priority": got.Priority} {
		if found != 0 {
			message[name] = found
		}
	}
	if !got.Timestamp.IsZero() {
		message["timestamp"] = got.Timestamp.Unix()
	}
	if len(got.Headers) > 0 {
		message["headers"] = plain(got.Headers)
	}
	return message
}

type consumer struct {
	channel   *amqp.Channel
	tag       string
	messages  chan object
	cancelled chan string
	closed    chan *amqp.Error
	mutex     sync.Mutex
	held      []amqp.Delivery
}

type program struct {
	address    string
	connection *amqp.Connection
	plain      *amqp.Channel
	confirming *amqp.Channel
	returns    chan amqp.Return
	closed     chan *amqp.Error
	consumers  map[string]*consumer
}

func (p *program) dial(vhost string) (*amqp.Connection, error) {
	if vhost == "" {
		vhost = "/"
	}
	return amqp.DialConfig("amqp://guest:guest@"+p.address, amqp.Config{Vhost: vhost})
}

// channel is the one for declarations, opened again after the broker closed it.
func (p *program) channel() (*amqp.Channel, error) {
	var err error
	if p.plain == nil || p.plain.IsClosed() {
		p.plain, err = p.connection.Channel()
	}
	return p.plain, err
}

func (p *program) confirms() (*amqp.Channel, error) {
	if p.confirming != nil && !p.confirming.IsClosed() {
		return p.confirming, nil
	}
	channel, err := p.connection.Channel()
	if err != nil {
		return nil, err
	}
	p.confirming = channel
	p.returns = channel.NotifyReturn(make(chan amqp.Return, 1000))
	p.closed = channel.NotifyClose(make(chan *amqp.Error, 1))
	return channel, channel.Confirm(false)
}

// publish waits for every confirm.
func (p *program) publish(c command) (object, error) {
	channel, err := p.confirms()
	if err != nil {
		return nil, err
	}
	acked, nacked, returned := 0, 0, []object{}
	var waits []*amqp.DeferredConfirmation
	for _, message := range c.Messages {
		wait, err := channel.PublishWithDeferredConfirm(c.Exchange, c.Key, c.Mandatory, false, publishing(message))
		if err != nil {
			return nil, err
		}
		waits = append(waits, wait)
	}
	for _, wait := range waits {
		select {
		case <-wait.Done():
			select {
			case err := <-p.closed:
				return nil, err
			default:
			}
			if wait.Acked() {
				acked++
			} else {
				nacked++
			}
		case err := <-p.closed:
			return nil, err
		case <-time.After(patience):
			return nil, errors.New("no confirm came")
		}
	}
	for len(p.returns) > 0 {
		back := <-p.returns
		returned = append(returned, object{
			"code": back.ReplyCode, "text": back.ReplyText, "exchange": back.Exchange, "key": back.RoutingKey,
			"body": string(back.Body),
		})
	}
	return object{"acked": acked, "nacked": nacked, "returned": returned}, nil
}

func (p *program) flood(c command) (object, error) {
	channel, err := p.connection.Channel()
	if err != nil {
		return nil, err
	}
	if err := channel.Confirm(false); err != nil {
		return nil, err
	}
	confirms := channel.NotifyPublish(make(chan amqp.Confirmation, c.Count))
	go func() {
		for number := range c.Count {
			body := fmt.Sprintf("%d ", number)
			body += strings.Repeat("x", max(0, c.Bytes-len(body)))
			message := amqp.Publishing{Body: []byte(body), DeliveryMode: amqp.Persistent}
			if err := channel.Publish("", c.Queue, false, false, message); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return
			}
		}
	}()
	acked, nacked := 0, 0
	for range c.Count {
		select {
		case confirm, open := <-confirms:
			if !open {
				return nil, errors.New("the channel is closed")
			}
			if confirm.Ack {
				acked++
			} else {
				nacked++
			}
		case <-time.After(patience):
			return nil, errors.New("no confirm came")
		}
	}
	return object{"acked": acked, "nacked": nacked}, channel.Close()
}

func (p *program) drain(c command) (object, error) {
	channel, err := p.connection.Channel()
	if err != nil {
		return nil, err
	}
	if err := channel.Qos(c.Prefetch, 0, false); err != nil {
		return nil, err
	}
	deliveries, err := channel.Consume(c.Queue, "", false, false, false, false, nil)
	if err != nil {
		return nil, err
	}
	seen, inOrder := 0, true
	for seen < c.Count {
		select {
		case got, open := <-deliveries:
			if !open {
				return nil, errors.New("the channel is closed")
			}
			inOrder = inOrder && strings.HasPrefix(string(got.Body), strconv.Itoa(seen)+" ")
			seen++
			if seen%(c.Prefetch/2) == 0 || seen == c.Count {
				if err := got.Ack(true); err != nil {
					return nil, err
				}
			}
		case <-time.After(patience):
			return object{"count": seen, "in_order": inOrder}, nil
		}
	}
	return object{"count": seen, "in_order": inOrder}, channel.Close()
}

func (p *program) consume(c command) (object, error) {
	channel, err := p.connection.Channel()
	if err != nil {
		return nil, err
	}
	if c.Prefetch > 0 {
		if err := channel.Qos(c.Prefetch, 0, false); err != nil {
			return nil, err
		}
	}
	running := &consumer{
		channel: channel, tag: "go-" + c.Consumer, messages: make(chan object, 100_000),
		cancelled: channel.NotifyCancel(make(chan string, 1)), closed: channel.NotifyClose(make(chan *amqp.Error, 1)),
	}
	deliveries, err := channel.Consume(c.Queue, running.tag, c.NoAck, c.Exclusive, false, false, table(c.Arguments))
	if err != nil {
		return nil, err
	}
	go func() {
		for got := range deliveries {
			// Held before it is shown: whoever has seen it may settle it.
			if !c.NoAck {
				running.mutex.Lock()
				running.held = append(running.held, got)
				running.mutex.Unlock()
			}
			running.messages <- shown(got)
			if !c.NoAck && c.Then != "hold" {
				if err := running.settle(c.Then); err != nil {
					fmt.Fprintln(os.Stderr, err)
				}
			}
		}
	}()
	p.consumers[c.Consumer] = running
	return object{}, nil
}

func (r *consumer) settle(how string) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	held := r.held
	r.held = nil
	for _, got := range held {
		var err error
		if how == "ack" || how == "" {
			err = got.Ack(false)
		} else {
			err = got.Nack(false, how == "requeue")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *program) take(c command) (object, error) {
	running := p.consumers[c.Consumer]
	messages, until := []object{}, time.After(time.Duration(c.WaitMs)*time.Millisecond)
	for len(messages) < c.Count {
		select {
		case message := <-running.messages:
			messages = append(messages, message)
		case _, is := <-running.cancelled:
			return object{"messages": messages, "cancelled": is}, nil
		case err := <-running.closed:
			return nil, err
		case <-until:
			return object{"messages": messages, "cancelled": false}, nil
		}
	}
	return object{"messages": messages, "cancelled": false}, nil
}

func (p *program) serve(c command) (object, error) {
	channel, err := p.connection.Channel()
	if err != nil {
		return nil, err
	}
	deliveries, err := channel.Consume(c.Queue, "", false, false, false, false, nil)
	if err != nil {
		return nil, err
	}
	go func() {
		for got := range deliveries {
			answer := amqp.Publishing{Body: []byte(strings.ToUpper(string(got.Body))), CorrelationId: got.CorrelationId}
			if err := errors.Join(channel.Publish("", got.ReplyTo, false, false, answer), got.Ack(false)); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}
	}()
	return object{}, nil
}

func (p *program) call(c command) (object, error) {
	channel, err := p.connection.Channel()
	if err != nil {
		return nil, err
	}
	deliveries, err := channel.Consume(replyTo, "", true, false, false, false, nil)
	if err != nil {
		return nil, err
	}
	answers := []string{}
	for place, body := range c.Bodies {
		id := strconv.Itoa(place)
		request := amqp.Publishing{Body: []byte(body), CorrelationId: id, ReplyTo: replyTo}
		if err := channel.Publish("", c.Queue, false, false, request); err != nil {
			return nil, err
		}
		select {
		case answer, open := <-deliveries:
			if !open || answer.CorrelationId != id {
				return nil, fmt.Errorf("an answer to %q, not to %q", answer.CorrelationId, id)
			}
			answers = append(answers, string(answer.Body))
		case <-time.After(patience):
			return nil, errors.New("no answer came")
		}
	}
	return object{"answers": answers}, channel.Close()
}

// through does something on a connection of its own, and again on the next one when that is lost.
func (p *program) through(act func(*amqp.Connection, chan *amqp.Error) error) int {
	reconnects, until := -1, time.Now().Add(patience)
	for time.Now().Before(until) {
		connection, err := p.dial("")
		if err == nil {
			reconnects++
			if err = act(connection, connection.NotifyClose(make(chan *amqp.Error, 1))); err == nil {
				err = connection.Close()
				if err == nil {
					break
				}
			}
		}
		fmt.Fprintln(os.Stderr, err)
		time.Sleep(100 * time.Millisecond)
	}
	return reconnects
}

func (p *program) stream(c command) (object, error) {
	done := 0
	reconnects := p.through(func(connection *amqp.Connection, closed chan *amqp.Error) error {
		channel, err := connection.Channel()
		if err != nil {
			return err
		}
		if err := channel.Confirm(false); err != nil {
			return err
		}
		for done < c.Count {
			message := amqp.Publishing{Body: []byte(strconv.Itoa(done)), DeliveryMode: amqp.Persistent}
			wait, err := channel.PublishWithDeferredConfirm("", c.Queue, false, false, message)
			if err != nil {
				return err
			}
			select {
			case <-wait.Done():
			case err := <-closed:
				return fmt.Errorf("the connection is lost: %v", err)
			}
			if !wait.Acked() {
				return errors.New("it was not taken")
			}
			if done++; done%100 == 0 {
				say(object{"event": "confirmed", "count": done})
			}
			time.Sleep(2 * time.Millisecond)
		}
		return nil
	})
	return object{"confirmed": done, "reconnects": reconnects}, nil
}

func (p *program) work(c command) (object, error) {
	seen := map[string]bool{}
	reconnects := p.through(func(connection *amqp.Connection, _ chan *amqp.Error) error {
		channel, err := connection.Channel()
		if err != nil {
			return err
		}
		if err := channel.Qos(50, 0, false); err != nil {
			return err
		}
		deliveries, err := channel.Consume(c.Queue, "", false, false, false, false, nil)
		if err != nil {
			return err
		}
		for len(seen) < c.Count {
			select {
			case got, open := <-deliveries:
				if !open {
					return errors.New("the connection is lost")
				}
				if err := got.Ack(false); err != nil {
					return err
				}
				seen[string(got.Body)] = true
			case <-time.After(patience):
				return errors.New("nothing comes")
			}
		}
		return nil
	})
	return object{"seen": len(seen), "reconnects": reconnects}, nil
}

// on does something on the channel for declarations.
func (p *program) on(act func(*amqp.Channel) (object, error)) (object, error) {
	channel, err := p.channel()
	if err != nil {
		return nil, err
	}
	return act(channel)
}

func (p *program) run(c command) (object, error) {
	switch c.Do {
	case "connect":
		connection, err := p.dial(c.Vhost)
		if err != nil {
			return nil, err
		}
		return object{}, connection.Close()
	case "reopen":
		for range c.Times {
			connection, err := p.dial("")
			if err != nil {
				return nil, err
			}
			channel, err := connection.Channel()
			if err != nil {
				return nil, err
			}
			if _, err := channel.QueueDeclare(c.Queue, false, false, true, false, nil); err != nil {
				return nil, err
			}
			if err := connection.Close(); err != nil {
				return nil, err
			}
		}
		return object{}, nil
	case "exchange":
		return p.on(func(channel *amqp.Channel) (object, error) {
			declare := channel.ExchangeDeclare
			if c.Passive {
				declare = channel.ExchangeDeclarePassive
			}
			return object{}, declare(c.Name, c.Type, c.Durable, c.AutoDelete, c.Internal, false, table(c.Arguments))
		})
	case "queue":
		return p.on(func(channel *amqp.Channel) (object, error) {
			declare := channel.QueueDeclare
			if c.Passive {
				declare = channel.QueueDeclarePassive
			}
			found, err := declare(c.Name, c.Durable, c.AutoDelete, c.Exclusive, false, table(c.Arguments))
			return object{"queue": found.Name, "messages": found.Messages, "consumers": found.Consumers}, err
		})
	case "bind":
		return p.on(func(channel *amqp.Channel) (object, error) {
			return object{}, channel.QueueBind(c.Queue, c.Key, c.Exchange, false, table(c.Arguments))
		})
	case "unbind":
		return p.on(func(channel *amqp.Channel) (object, error) {
			return object{}, channel.QueueUnbind(c.Queue, c.Key, c.Exchange, table(c.Arguments))
		})
	case "link":
		return p.on(func(channel *amqp.Channel) (object, error) {
			return object{}, channel.ExchangeBind(c.Destination, c.Key, c.Source, false, table(c.Arguments))
		})
	case "delete":
		return p.on(func(channel *amqp.Channel) (object, error) {
			left, err := channel.QueueDelete(c.Queue, false, false, false)
			return object{"messages": left}, err
		})
	case "get":
		return p.on(func(channel *amqp.Channel) (object, error) {
			got, there, err := channel.Get(c.Queue, true)
			if err != nil || !there {
				return object{"message": nil}, err
			}
			return object{"message": shown(got)}, nil
		})
	case "publish":
		return p.publish(c)
	case "flood":
		return p.flood(c)
	case "drain":
		return p.drain(c)
	case "consume":
		return p.consume(c)
	case "take":
		return p.take(c)
	case "settle":
		return object{}, p.consumers[c.Consumer].settle(c.Then)
	case "cancel":
		return object{}, p.consumers[c.Consumer].channel.Cancel(p.consumers[c.Consumer].tag, false)
	case "close":
		return object{}, p.consumers[c.Consumer].channel.Close()
	case "serve":
		return p.serve(c)
	case "call":
		return p.call(c)
	case "stream":
		return p.stream(c)
	case "work":
		return p.work(c)
	}
	return nil, fmt.Errorf("no command %q", c.Do)
}

func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/rabbitmq/amqp091-go" {
			return module.Version
		}
	}
	return "of an unknown version"
}

func main() {
	p := &program{address: os.Args[1], consumers: map[string]*consumer{}}
	var err error
	if p.connection, err = p.dial(""); err != nil {
		panic(err)
	}
	say(object{"event": "ready", "version": "amqp091-go " + version(), "types": true})
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		c := command{Durable: true}
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			panic(err)
		}
		done, err := p.run(c)
		var refused *amqp.Error
		switch {
		case errors.As(err, &refused) && refused != nil && refused.Server:
			say(object{"done": object{"refused": object{"code": refused.Code, "text": refused.Reason}}})
		case err != nil:
			say(object{"error": err.Error()})
		default:
			say(object{"done": done})
		}
	}
}
