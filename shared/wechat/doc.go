// Package wechat speaks with WeChat about one mini program.
//
// In come message pushes: the user answered a subscribe dialog, switched a template
// off, withdrew their authorization. A Receiver verifies, decrypts and decodes them;
// verify.go is the whole check and crypto.go its cipher, proven by the vectors in
// testdata/wechat-crypto.json. Handler puts a Receiver behind HTTP. Sealer is the
// inverse: it makes pushes as WeChat makes them.
//
// Out go API calls: Client has one method per call. call.go holds the one place that
// performs a request, errors.go what WeChat's codes mean, token.go how many processes
// share one access token.
package wechat
