// SECRET=whsec_… PORT=8000 java -cp standardwebhooks-1.1.0.jar Receive.java
import com.standardwebhooks.Webhook;
import com.standardwebhooks.exceptions.WebhookVerificationException;
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.net.http.HttpHeaders;
import java.nio.charset.StandardCharsets;

public class Receive {
    public static void main(String[] args) throws Exception {
        var webhook = new Webhook(System.getenv("SECRET"));
        var server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(System.getenv("PORT"))), 0);
        server.createContext("/hook", exchange -> {
            var body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            int status = 204;
            try {
                webhook.verify(body, HttpHeaders.of(exchange.getRequestHeaders(), (name, value) -> true));
                System.out.println(exchange.getRequestHeaders().getFirst("webhook-id") + " " + body); // keep it, work on it later
            } catch (WebhookVerificationException | IllegalArgumentException e) {
                status = 401;
            }
            exchange.sendResponseHeaders(status, -1);
            exchange.close();
        });
        server.start();
    }
}
