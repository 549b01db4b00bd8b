// Keeps a copy of this page in the phone, and says when it is only a copy.
const notice = document.getElementById("putus");
const offline = () => {
  notice.hidden = false;
  for (const button of document.querySelectorAll("button")) button.disabled = true;
};
if (document.documentElement.dataset.copy !== undefined) offline();
if ("serviceWorker" in navigator) {
  navigator.serviceWorker.register("/t/sw.js", { scope: "/t/" }).catch(() => undefined);
  navigator.serviceWorker.ready.then((worker) => worker.active.postMessage(location.pathname));
  navigator.serviceWorker.addEventListener("message", (event) => {
    if (event.data === "copy") offline();
  });
}
window.addEventListener("offline", offline);
for (const form of document.querySelectorAll("form")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
  });
}
