package delivery

// Release is Hermod's version, as deliveries tell it in User-Agent.
const Release = "0.1.0"
