package browser

import (
	"context"
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp/kb"
)

// modifiers are the bits of the protocol for keys that are held.
var modifiers = map[string]int64{"Alt": 1, "Control": 2, "Meta": 4, "Shift": 8}

// strike presses keys together: the last one while those before it are held.
func (t *tab) strike(ctx context.Context, keys string) error {
	names := strings.Split(keys, "+")
	if keys == "+" {
		names = []string{keys}
	}
	var held int64
	for _, name := range names[:len(names)-1] {
		bit, ok := modifiers[name]
		if !ok {
			return fmt.Errorf("%q cannot be held: Alt, Control, Meta and Shift can", name)
		}
		held |= bit
	}
	key, err := keyNamed(names[len(names)-1])
	if err != nil {
		return err
	}
	for _, event := range kb.Encode(key) {
		event.Modifiers |= held
		if held&^modifiers["Shift"] != 0 && event.Type == kb.KeyChar {
			continue // with Control it is no character
		}
		if _, err := cdp.Call(ctx, t.target, input.DispatchKeyEvent, *event); err != nil {
			return err
		}
	}
	return nil
}

// keyNamed returns the rune by which kb knows a key.
func keyNamed(name string) (rune, error) {
	if runes := []rune(name); len(runes) == 1 {
		return runes[0], nil
	}
	for key, k := range kb.Keys {
		if k.Key == name {
			return key, nil
		}
	}
	return 0, fmt.Errorf("no key is named %q: KeyboardEvent.key has their names", name)
}
