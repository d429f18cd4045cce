// Command noop is the function that others are measured against: it answers each event and
// does nothing.
package main

import (
	"context"

	"github.com/tencentyun/scf-go-lib/cloudfunction"
)

type noop struct{}

func (noop) Invoke(context.Context, []byte) ([]byte, error) {
	return []byte(`{"isBase64Encoded":false,"statusCode":200,"headers":{"Content-Type":"application/json"},"body":"{}"}`), nil
}

func main() { cloudfunction.StartHandler(noop{}) }
