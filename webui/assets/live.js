// Renews the page's content every two seconds while somebody looks at it.
(() => {
  const page = document.getElementById("page");
  const live = document.getElementById("live");
  const every = 2000;
  let failures = 0;

  async function renew() {
    if (!document.hidden) {
      try {
        const answer = await fetch(location.pathname, { cache: "no-store" });
        if (!answer.ok) throw new Error(answer.status);
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        const content = fresh.getElementById("page");
        if (content && !window.getSelection().toString()) page.replaceChildren(...content.childNodes);
        failures = 0;
        live.textContent = "live";
        live.className = "";
      } catch {
        failures += 1;
        live.textContent = "the master does not answer; trying again";
        live.className = "lost";
      }
    }
    setTimeout(renew, every * Math.min(2 ** failures, 16));
  }

  setTimeout(renew, every);
})();
