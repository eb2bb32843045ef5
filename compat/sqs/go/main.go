// The AWS SDK for Go v2 as a compat client; the commands are in ../README.md.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
)

const patience = 60 * time.Second

type object map[string]any

type command struct {
	Do     string
	Action string
	Input  json.RawMessage
}

func say(message object) {
	line, err := json.Marshal(message)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}

// call finds the method of the action's name: every one takes a context and a pointer to its input.
func call(client *sqs.Client, action string, input json.RawMessage) (object, error) {
	method := reflect.ValueOf(client).MethodByName(action)
	if !method.IsValid() {
		return nil, fmt.Errorf("no action %q", action)
	}
	request := reflect.New(method.Type().In(1).Elem())
	if err := json.Unmarshal(input, request.Interface()); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	answer := method.Call([]reflect.Value{reflect.ValueOf(ctx), request})
	if err, failed := answer[1].Interface().(error); failed {
		var refused smithy.APIError
		if errors.As(err, &refused) {
			return object{"refused": reflect.TypeOf(refused).String() + " " + refused.ErrorCode(), "message": refused.ErrorMessage()}, nil
		}
		return nil, err
	}
	return object{"output": answer[0].Interface()}, nil
}

func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/aws/aws-sdk-go-v2/service/sqs" {
			return module.Version
		}
	}
	return "of an unknown version"
}

func main() {
	// Endpoint, region and credentials come from the environment, as they would in production.
	settings, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		panic(err)
	}
	client := sqs.NewFromConfig(settings)
	say(object{"event": "ready", "version": "AWS SDK for Go, sqs " + version()})
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var command command
		if err := json.Unmarshal(lines.Bytes(), &command); err != nil {
			panic(err)
		}
		done, err := call(client, command.Action, command.Input)
		if command.Do != "call" {
			err = fmt.Errorf("no command %q", command.Do)
		}
		if err != nil {
			say(object{"error": err.Error()})
		} else {
			say(object{"done": done})
		}
	}
}
