module shop

go 1.19

require github.com/golang-jwt/jwt/v5 v5.0.0

// Where Debian's golang-github-golang-jwt-jwt-dev puts it: version 4, where what is called is the same.
replace github.com/golang-jwt/jwt/v5 => /usr/share/gocode/src/github.com/golang-jwt/jwt
