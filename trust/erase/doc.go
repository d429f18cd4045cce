// Package erase has somebody who is everywhere in the store be erased, by themselves and by WeChat,
// and looks through every key and value for their name: at once, after what was on its way, and
// when all that ends by itself has ended.
package erase
