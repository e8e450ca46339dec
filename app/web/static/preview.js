// Shows the chosen file before it is sent; without this module the form works just the same.
const input = document.getElementById("image");
const frame = document.getElementById("preview");
const picture = frame.querySelector("img");

function show() {
  URL.revokeObjectURL(picture.src);
  const [file] = input.files;
  frame.hidden = true;
  if (file) picture.src = URL.createObjectURL(file);
}

// Only what the browser can show is shown: some readable formats are not among them.
picture.addEventListener("load", () => { frame.hidden = false; });
picture.addEventListener("error", () => { frame.hidden = true; });
input.addEventListener("change", show);
if (input.files.length) show();
