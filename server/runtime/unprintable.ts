/** Control characters, half surrogate pairs (they are no characters), and marks of the text direction. */
export const UNPRINTABLE = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
