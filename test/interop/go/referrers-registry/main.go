// The registry of go-containerregistry, in memory, with the referrers API, which its own `crane registry serve` leaves out.
// The one argument is the address to listen on.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: referrers-registry ADDRESS")
		os.Exit(64)
	}
	handler := registry.New(
		registry.WithReferrersSupport(true),
		registry.Logger(log.New(os.Stderr, "", 0)),
	)
	log.Fatal(http.ListenAndServe(os.Args[1], handler))
}
