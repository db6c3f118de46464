// The rest of a program, around the functions, the handler and the template of docs/backends/go.md.
package main

import (
	"fmt"
	"html/template"
	"log"
	"net/http"
	"net/url"
	"os"
	"strconv"
)

type User struct{ ID, Name string }

func currentUser(r *http.Request) *User {
	cookie, err := r.Cookie("user")
	if err != nil {
		return nil
	}
	values, err := url.ParseQuery(cookie.Value)
	if err != nil {
		return nil
	}
	return &User{values.Get("id"), values.Get("name")}
}

const head = `<!doctype html><meta charset="utf-8">
<script type="module" async src="{{.Gateway}}/v1/chat-session.js"></script>
<body>{{template "chat.gohtml" .}}</body>`

func page(w http.ResponseWriter, r *http.Request) {
	user := currentUser(r)
	token, err := chatToken(user.ID, map[string]any{"name": user.Name})
	if err != nil {
		log.Fatal(err)
	}
	page := template.Must(template.Must(template.New("page").Parse(head)).ParseFiles("chat.gohtml"))
	err = page.Execute(w, map[string]string{
		"Gateway": os.Getenv("GATEWAY"),
		"AppID":   os.Getenv("CHAT_APP_ID"),
		"UserID":  user.ID,
		"Token":   token,
	})
	if err != nil {
		log.Fatal(err)
	}
}

func login(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{Name: "user", Value: r.URL.RawQuery})
	http.Redirect(w, r, "/", http.StatusFound)
}

func main() {
	if port := os.Getenv("PORT"); port != "" {
		http.HandleFunc("/", page)
		http.HandleFunc("/login", login)
		http.HandleFunc("/chat-token", chatTokenHandler)
		log.Fatal(http.ListenAndServe("127.0.0.1:"+port, nil))
	}
	if len(os.Args) == 2 && os.Args[1] == "call" {
		callFromInput()
		return
	}
	for i := 1; i < len(os.Args); i += 2 {
		var profile map[string]any
		if name := os.Args[i+1]; name != "" && name != "null" {
			profile = map[string]any{"name": name}
		}
		var id any = os.Args[i]
		if number, err := strconv.Atoi(os.Args[i]); err == nil && strconv.Itoa(number) == os.Args[i] {
			id = number
		}
		token, err := chatToken(id, profile)
		if err != nil {
			log.Fatal(err)
		}
		signature, err := chatSignature(id)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(token, signature)
	}
}
