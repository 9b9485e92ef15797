package console

import "sync"

// atOnce is how many things of one kind are under way together.
const atOnce = 8

// together does some things at once, and returns the first error.
func together(things ...func() error) error {
	return each(len(things), func(i int) error { return things[i]() })
}

// each calls do for every number below n, some at once, and returns the first error. A panic is one: in a goroutine of its own it would
// end the process, and with it everybody's deliveries.
func each(n int, do func(i int) error) error {
	errs := make([]error, n)
	var group sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i := range n {
		slots <- struct{}{}
		group.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					errs[i] = panicked(p)
				}
				<-slots
			}()
			errs[i] = do(i)
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
