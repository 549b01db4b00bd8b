// npm's oidc-provider, a certified OpenID provider, on 127.0.0.1 and a free port.
// argv[2]: JSON {clients, people: {sub: {email, email_verified}}}; its own development pages sign
// anybody in by their `sub`. One JSON line: {"issuer": …}.
import http from 'node:http';
import { Provider } from 'oidc-provider';

const { clients, people } = JSON.parse(process.argv[2]);
console.info = console.warn = () => {};
const server = http.createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients,
    claims: { openid: ['sub'], email: ['email', 'email_verified'] },
    pkce: { required: () => true },
    cookies: { keys: ['for tests alone'] },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...people[sub] }) }),
  });
  server.on('request', provider.callback());
  process.stdout.write(`${JSON.stringify({ issuer })}\n`);
});
process.stdin.on('end', () => process.exit(0)).resume();
