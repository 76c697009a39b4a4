"use strict";
// Tables are complete without this; it lets their rows be sorted and filtered, and opens what is
// folded when a link leads to it, and all of it before the page is printed.
for (const box of document.querySelectorAll(".searched")) {
  const table = box.querySelector("table"), body = table.tBodies[0];
  const rows = [...body.rows], fixed = rows.filter(row => row.classList.contains("s"));
  const free = rows.filter(row => !row.classList.contains("s"));
  const line = document.createElement("div"), input = document.createElement("input");
  const said = document.createElement("span");
  line.className = "find";
  input.type = "search";
  input.placeholder = "filter: attention, DRAM, ...";
  input.setAttribute("aria-label", "filter the rows of this table");
  line.append(input, said);
  box.prepend(line);

  function filter() {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const row of free) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every(word => text.includes(word));
      left += !row.hidden;
    }
    said.textContent = `${left} of ${free.length} rows; point at a figure to see where it stands`;
  }

  function key(row, column) {
    const cell = row.cells[column];
    return cell.dataset.v !== undefined ? Number(cell.dataset.v) : cell.textContent;
  }

  function sort(head, column) {
    const down = head.getAttribute("aria-sort") !== "descending" &&
      (head.classList.contains("n") || head.getAttribute("aria-sort") === "ascending");
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const order = [...free].sort((a, b) => {
      const one = key(a, column), two = key(b, column);
      if (typeof one === "number" && typeof two === "number") return one - two;
      if (typeof one !== typeof two) return typeof one === "number" ? 1 : -1;
      return one.localeCompare(two, "en", { numeric: true });
    });
    body.append(...(down ? order.reverse() : order), ...fixed);
  }

  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sort(head, column));
  });
  input.addEventListener("input", filter);
  filter();
}
function openNamed() {
  const part = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (part && part.tagName === "DETAILS") part.open = true;
}
addEventListener("hashchange", openNamed);
openNamed();
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details")) part.open = true;
});
