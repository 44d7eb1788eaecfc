// SPDX-License-Identifier: MIT

// main.go - one login of go-xmpp, as go-sendxmpp does it:
//
//	goxmpp PORT USER PASSWORD AGENT MECHANISM TOKEN
//
// MECHANISM and TOKEN may be empty. With a TOKEN, MECHANISM is the one it is for (XEP-0484).
// Prints mechanism, address, and the new token with its mechanism, if any.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"

	"github.com/xmppo/go-xmpp"
)

func main() {
	port, user, password, agent := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	mechanism, token := os.Args[5], os.Args[6]
	pem, err := os.ReadFile(os.Getenv("RECADO_INTEROP_CA_FILE"))
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(pem) {
		fmt.Println("error no certificates")
		os.Exit(2)
	}
	options := xmpp.Options{
		Host:         "127.0.0.1:" + port,
		User:         user + "@localhost",
		Password:     password,
		TLSConfig:    &tls.Config{RootCAs: pool, ServerName: "localhost"},
		SSDP:         true, // XEP-0474: it refuses a server that does not prove its offer
		NoPLAIN:      true,
		UserAgentSW:  "go-xmpp",
		UserAgentDev: "interop",
		UserAgentID:  agent,
		// It asks for an upgrade (XEP-0480) only when it does not ask for a token.
		Fast: mechanism == "" || token != "",
	}
	if strings.HasPrefix(mechanism, "HT-") {
		options.FastMechanism, options.FastToken = mechanism, token
	} else {
		options.Mechanism = mechanism
	}
	client, err := options.NewClient()
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println(client.Mechanism, client.JID(), client.Fast.Token, client.Fast.Mechanism)
	client.Close()
}
