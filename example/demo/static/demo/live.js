// The pages work without this. With it, parts of them are asked for again when the badge has changed and once a second,
// and some forms are sent without leaving the page.

async function documentAt(address, options) {
  const answer = await fetch(address, options);
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// What somebody is about to press is not exchanged under the pointer or the keyboard.
function isInUse(part) {
  return part.querySelector("button:is(:focus, :hover)");
}

const busy = new Set();

async function refresh(part) {
  if (document.hidden || busy.has(part) || isInUse(part)) return;
  busy.add(part);
  try {
    const { body } = await documentAt(part.dataset.refresh, { redirect: "error" }); // such as to the log-in page
    if (part.innerHTML.trim() !== body.innerHTML.trim() && !isInUse(part)) part.replaceChildren(...body.childNodes);
  } catch {
    // the next time, then
  } finally {
    busy.delete(part);
  }
}

const parts = [...document.querySelectorAll("[data-refresh]")];
const refreshAll = () => parts.forEach(refresh);

if (parts.length) {
  setInterval(refreshAll, 1000);
  document.addEventListener("unread", refreshAll);
}

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-stay]");
  if (!form) return;
  event.preventDefault();
  const messages = document.getElementById("messages");
  try {
    const answer = await documentAt(form.action, { method: "POST", body: new FormData(form, event.submitter) });
    messages.replaceChildren(...answer.getElementById("messages").childNodes);
    refreshAll();
  } catch {
    messages.textContent = "That did not work. Please try again.";
  }
});
