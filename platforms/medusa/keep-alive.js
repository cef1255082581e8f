// Node closes an idle connection after 5 seconds, the load balancer keeps it for 55 and may send a request just as it closes: the client gets a
// 502 for nothing. The side that accepts connections has to be the more patient one, and Medusa has no setting for it.
const http = require("node:http");

const createServer = http.createServer;
http.createServer = (...parameters) => {
  const server = createServer(...parameters);
  server.keepAliveTimeout = 65_000;
  server.headersTimeout = 66_000;
  return server;
};
