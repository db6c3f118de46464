// Calls the functions of chat_calls.go: a line of standard input has a name and arguments, the line printed for it the answer or the error.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"strconv"
	"strings"
)

// argument parses the JSON of an argument. Without JSON it is the zero value.
func argument(kind reflect.Type, text json.RawMessage) reflect.Value {
	value := reflect.New(kind)
	if text == nil {
		return value.Elem()
	}
	if kind == reflect.TypeOf(url.Values{}) {
		var fields map[string]any
		// Otherwise a large number would become a float64, which is printed with an exponent.
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		if err := decoder.Decode(&fields); err != nil {
			log.Fatal(err)
		}
		query := url.Values{}
		for name, field := range fields {
			query.Set(name, fmt.Sprint(field))
		}
		return reflect.ValueOf(query)
	}
	// A numeric id of a backend is an integer, and not the float64 that this decoder makes of each number.
	if number, err := strconv.ParseInt(string(text), 10, 64); err == nil && kind.Kind() == reflect.Interface {
		return reflect.ValueOf(number)
	}
	if err := json.Unmarshal(text, value.Interface()); err != nil {
		log.Fatal(err)
	}
	return value.Elem()
}

// hasBlocked stands for the site's own list of who has blocked whom.
func hasBlocked(user, other string) bool { return user == "bob" && other == "eve" }

func maySend(texts []json.RawMessage) any {
	var headers map[string]string
	var body string
	if json.Unmarshal(texts[0], &headers) != nil || json.Unmarshal(texts[1], &body) != nil {
		log.Fatal("maySend has headers and a body.")
	}
	request := httptest.NewRequest("POST", "/chat-may-send", strings.NewReader(body))
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	answer := httptest.NewRecorder()
	chatMaySendHandler(answer, request)
	return map[string]any{"answer": map[string]any{"status": answer.Code, "body": answer.Body.String()}}
}

func call(name string, texts []json.RawMessage) any {
	if name == "maySend" {
		return maySend(texts)
	}
	method := reflect.ValueOf(ChatCalls{}).MethodByName(strings.ToUpper(name[:1]) + name[1:])
	var arguments []reflect.Value
	for i := 0; i < method.Type().NumIn(); i++ {
		var text json.RawMessage
		if i < len(texts) {
			text = texts[i]
		}
		arguments = append(arguments, argument(method.Type().In(i), text))
	}
	results := method.Call(arguments)
	err, _ := results[1].Interface().(error)
	var answered *ChatError
	switch {
	case err == nil:
		return map[string]any{"answer": results[0].Interface()}
	case errors.As(err, &answered):
		return map[string]any{"error": map[string]any{"status": answered.Status, "code": answered.Code, "message": err.Error()}}
	default:
		return map[string]any{"error": map[string]any{"message": err.Error()}}
	}
}

func callFromInput() {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var input []json.RawMessage
		var name string
		var arguments []json.RawMessage
		if err := json.Unmarshal(lines.Bytes(), &input); err != nil {
			log.Fatal(err)
		}
		if json.Unmarshal(input[0], &name) != nil || json.Unmarshal(input[1], &arguments) != nil {
			log.Fatal("A line is an array of a name and arguments.")
		}
		if err := json.NewEncoder(os.Stdout).Encode(call(name, arguments)); err != nil {
			log.Fatal(err)
		}
	}
}
