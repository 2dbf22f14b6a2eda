// The rows of a table in the form: adds one that is like the last, and removes the last.

export function equip(place, edit) {
  const path = JSON.parse(place.dataset.rows);
  const body = place.querySelector("tbody");

  place.querySelector("[data-add]").addEventListener("click", () => {
    const added = edit(path, (rows, index) => {
      rows.push(structuredClone(rows.at(-1)));
      index?.push(rows.length - 1);
    });
    if (!added) return;
    const row = body.rows[body.rows.length - 1].cloneNode(true);
    const number = body.rows.length;
    row.cells[0].textContent = number + 1;
    for (const control of row.querySelectorAll("[data-path]")) {
      const steps = JSON.parse(control.dataset.path);
      steps[path.length] = number;
      control.dataset.path = JSON.stringify(steps);
    }
    body.append(row);
    row.querySelector("[data-path]").focus();
  });

  place.querySelector("[data-remove]").addEventListener("click", () => {
    if (body.rows.length < 2) return;
    const removed = edit(path, (rows, index) => {
      rows.pop();
      index?.pop();
    });
    if (removed) body.rows[body.rows.length - 1].remove();
  });
}
