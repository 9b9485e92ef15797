// npm install standardwebhooks; SECRET=whsec_… PORT=8000 node receive.mjs
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const webhook = new Webhook(process.env.SECRET);

createServer(async (request, response) => {
  try {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const event = webhook.verify(Buffer.concat(chunks), request.headers); // the bytes as they came
    console.log(request.headers["webhook-id"], event); // keep it, work on it later
    response.writeHead(204).end();
  } catch (error) {
    response.writeHead(401).end(error.message);
  }
}).listen(Number(process.env.PORT), "127.0.0.1");
