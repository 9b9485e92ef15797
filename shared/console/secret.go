package console

// secretView shows a signing secret, this once.
type secretView struct {
	Webhook webhook // without a secret if it is signed with a key pair alone, or that is what was made
	Back    link    // where one came from
	Older   string  // what becomes of the secrets before it; empty: there are none
}

// secretPage answers what made a webhook or a secret of it. It is the answer to the form itself: the secret must not lie in an address, nor
// be asked for again.
func secretPage(title string, w webhook, back link) (reply, error) {
	return reply{page: "secret", title: title, data: secretView{Webhook: w, Back: back}}, nil
}
