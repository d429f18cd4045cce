package keyword

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Plain reports whether v is one line of printable characters without emoji. WeChat
// answers others with 47003: its "symbols" are the common ones.
func Plain(v string) bool {
	return utf8.ValidString(v) && !strings.ContainsFunc(v, func(r rune) bool {
		return Invisible(r) || IsEmoji(r) || EmojiMark(r) || unicode.IsSpace(r) && r != ' ' && r != '\u3000'
	})
}

// Invisible reports whether r shows nothing, not even room: controls, formats, line
// separators, fillers and what is not assigned. White space shows room.
//
// Source: Default_Ignorable_Code_Point in
// https://www.unicode.org/Public/17.0.0/ucd/DerivedCoreProperties.txt; the blank of Braille
// and the null note have no ink either.
func Invisible(r rune) bool {
	switch {
	case unicode.IsSpace(r):
		return false
	case r == 0x2800, r == 0x1D159, r == utf8.RuneError:
		return true
	}
	return !unicode.IsGraphic(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// EmojiMark reports whether r makes an emoji of the character before it: the variation
// selector 16 and the key cap.
func EmojiMark(r rune) bool { return r == 0xFE0F || r == 0x20E3 }

// IsEmoji reports whether r is shown as a picture, itself or in the sequences that it
// begins: all of the planes of pictographs, flags and skin tones, and the emoji below
// them. Characters that are text unless told otherwise are none: digits, ©, ™, arrows,
// ★; in the blocks of miscellaneous symbols and dingbats they are, because phones show ❤
// as a picture either way.
func IsEmoji(r rune) bool { return r >= 0x1F000 && r <= 0x1FFFD || unicode.Is(smallEmoji, r) }

// smallEmoji are the characters of the basic plane that have Emoji_Presentation, and of
// U+2600 to U+27BF those that have Emoji.
// Source: https://www.unicode.org/Public/17.0.0/ucd/emoji/emoji-data.txt
var smallEmoji = &unicode.RangeTable{R16: []unicode.Range16{
	{0x231A, 0x231B, 1}, {0x23E9, 0x23EC, 1}, {0x23F0, 0x23F0, 1}, {0x23F3, 0x23F3, 1}, {0x25FD, 0x25FE, 1},
	{0x2600, 0x2604, 1}, {0x260E, 0x260E, 1}, {0x2611, 0x2611, 1}, {0x2614, 0x2615, 1}, {0x2618, 0x2618, 1},
	{0x261D, 0x261D, 1}, {0x2620, 0x2620, 1}, {0x2622, 0x2623, 1}, {0x2626, 0x2626, 1}, {0x262A, 0x262A, 1},
	{0x262E, 0x262F, 1}, {0x2638, 0x263A, 1}, {0x2640, 0x2640, 1}, {0x2642, 0x2642, 1}, {0x2648, 0x2653, 1},
	{0x265F, 0x2660, 1}, {0x2663, 0x2663, 1}, {0x2665, 0x2666, 1}, {0x2668, 0x2668, 1}, {0x267B, 0x267B, 1},
	{0x267E, 0x267F, 1}, {0x2692, 0x2697, 1}, {0x2699, 0x2699, 1}, {0x269B, 0x269C, 1}, {0x26A0, 0x26A1, 1},
	{0x26A7, 0x26A7, 1}, {0x26AA, 0x26AB, 1}, {0x26B0, 0x26B1, 1}, {0x26BD, 0x26BE, 1}, {0x26C4, 0x26C5, 1},
	{0x26C8, 0x26C8, 1}, {0x26CE, 0x26CF, 1}, {0x26D1, 0x26D1, 1}, {0x26D3, 0x26D4, 1}, {0x26E9, 0x26EA, 1},
	{0x26F0, 0x26F5, 1}, {0x26F7, 0x26FA, 1}, {0x26FD, 0x26FD, 1}, {0x2702, 0x2702, 1}, {0x2705, 0x2705, 1},
	{0x2708, 0x270D, 1}, {0x270F, 0x270F, 1}, {0x2712, 0x2712, 1}, {0x2714, 0x2714, 1}, {0x2716, 0x2716, 1},
	{0x271D, 0x271D, 1}, {0x2721, 0x2721, 1}, {0x2728, 0x2728, 1}, {0x2733, 0x2734, 1}, {0x2744, 0x2744, 1},
	{0x2747, 0x2747, 1}, {0x274C, 0x274C, 1}, {0x274E, 0x274E, 1}, {0x2753, 0x2755, 1}, {0x2757, 0x2757, 1},
	{0x2763, 0x2764, 1}, {0x2795, 0x2797, 1}, {0x27A1, 0x27A1, 1}, {0x27B0, 0x27B0, 1}, {0x27BF, 0x27BF, 1},
	{0x2B1B, 0x2B1C, 1}, {0x2B50, 0x2B50, 1}, {0x2B55, 0x2B55, 1},
}}
