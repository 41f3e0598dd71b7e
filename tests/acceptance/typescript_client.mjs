// The official TypeScript SDK's client, of 1.x or of 2.x, as a program of its own: sign in, list the tools, call one.
// Arguments: where the package is installed, its name, how it negotiates the version (2.x only), the MCP server's URL,
// and where the client has a metadata document the URL of that.
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";

const [prefix, name, mode, url, clientMetadataUrl] = process.argv.slice(2);
const require = createRequire(`${prefix}/`);
const parts = name.endsWith("/sdk") ? ["/client/index.js", "/client/streamableHttp.js", "/client/auth.js"] : [""];
const { Client, StreamableHTTPClientTransport, UnauthorizedError } = Object.assign({}, ...parts.map((part) => require(name + part)));

const callback = createServer();
callback.listen(0, "127.0.0.1");
await once(callback, "listening");
const redirectUrl = `http://127.0.0.1:${callback.address().port}/callback`;
const answered = once(callback, "request");

const kept = {};
const authProvider = {
  redirectUrl,
  clientMetadataUrl,
  clientMetadata: {
    client_name: name,
    redirect_uris: [redirectUrl],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  },
  state: () => (kept.state = randomUUID()),
  clientInformation: () => kept.client,
  saveClientInformation: (client) => void (kept.client = client),
  tokens: () => kept.tokens,
  saveTokens: (tokens) => void (kept.tokens = tokens),
  codeVerifier: () => kept.verifier,
  saveCodeVerifier: (verifier) => void (kept.verifier = verifier),
  redirectToAuthorization: (target) => void spawn("xdg-open", [target.href], { stdio: "inherit" }),
};

let transport;
const connect = async () => {
  const client = new Client({ name, version: "1.0" }, { versionNegotiation: { mode } });
  transport = new StreamableHTTPClientTransport(new URL(url), { authProvider });
  await client.connect(transport);
  return client;
};

const signIn = async (error) => {
  if (!(error instanceof UnauthorizedError)) throw error;
  const [request, response] = await answered;
  response.end("Signed in.");
  const query = new URL(request.url, redirectUrl).searchParams;
  if (query.get("state") !== kept.state) throw new Error("the authorization response carries another state");
  await transport.finishAuth(query.get("code"), query.get("iss") ?? undefined);
  return connect();
};

const client = await connect().catch(signIn);
await client.listTools();
await client.callTool({ name: "get-user-info", arguments: {} });
await client.close();
callback.close();
callback.closeAllConnections();
