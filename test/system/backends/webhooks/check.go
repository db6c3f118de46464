package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
)

func main() {
	var requests []struct {
		Headers map[string]string
		Body    string
	}
	if err := json.NewDecoder(os.Stdin).Decode(&requests); err != nil {
		panic(err)
	}
	for _, request := range requests {
		header := http.Header{}
		for name, value := range request.Headers {
			header.Set(name, value)
		}
		fmt.Println(verifyWebhook(header, []byte(request.Body), "CHAT_WEBHOOK_SECRET"))
	}
}
