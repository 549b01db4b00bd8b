// The npm package web-push-testing on 127.0.0.1 and a free port. It would listen on all interfaces.
// One JSON line: {"port": …}.
'use strict';
const net = require('net');
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...rest) {
  return typeof port === 'number'
    ? listen.call(this, {port, host: '127.0.0.1'}, ...rest)
    : listen.call(this, port, ...rest);
};
const log = console.log;
console.log = () => {};
const {PushApiModel} = require('web-push-testing/src/PushApiModel.js');
const exported = require('web-push-testing/src/server.js');
const Server = exported.WebPushTestingServer || exported;
const model = new PushApiModel();
const server = new Server(model, 0);
server.startServer();
server._server.on('listening', () => {
  const {port} = server._server.address();
  model.notifyUrl = `http://127.0.0.1:${port}/notify/`;
  log(JSON.stringify({port}));
});
process.stdin.on('end', () => process.exit(0)).resume();
