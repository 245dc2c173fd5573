"use strict";

const find = (id) => document.getElementById(id);
const drop = find("drop"), files = find("files"), video = find("video"), problem = find("problem");
let last = Promise.resolve(); // images are answered one after the other
let taken = 0;

/** Send an image, and return the document that answers. */
async function post(path, image, query = {}) {
  const address = `${path}?${new URLSearchParams({ name: image.name, ...query })}`;
  let answer;
  try {
    answer = await fetch(address, { method: "POST", body: image });
  } catch {
    throw new Error("no answer: is this a file, and does tlearn try still run?");
  }
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error);
  return said;
}

/** Show an image, and its answer as soon as it is there. */
function add(image) {
  const card = find("card").content.cloneNode(true).firstElementChild;
  const [picture, name, answer, lines, explain] = [".image", ".file", ".answer", ".lines", ".explain"]
    .map((part) => card.querySelector(part));
  picture.src = URL.createObjectURL(image);
  picture.alt = name.textContent = image.name;
  picture.addEventListener("error", () => { picture.hidden = true; }); // a format of no browser
  find("cards").prepend(card);
  explain.addEventListener("click", () => showMaps(card, image));
  card.querySelectorAll("[data-label]").forEach((button) => {
    button.addEventListener("click", () => correct(card, image, button));
  });
  last = last.then(async () => {
    try {
      const said = await post("predict", image);
      answer.textContent = said.headline;
      lines.replaceChildren(...[...said.lines, `${said.milliseconds.toFixed(1)} ms`].map(line));
      card.querySelectorAll(".explain, fieldset").forEach((part) => { part.hidden = false; });
    } catch (error) {
      answer.classList.add("bad");
      answer.textContent = error.message;
    }
  });
}

function line(text) {
  const item = document.createElement("li");
  item.textContent = text;
  return item;
}

async function showMaps(card, image) {
  const button = card.querySelector(".explain");
  button.disabled = true;
  try {
    const { maps } = await post("explain", image);
    for (const map of maps) {
      const caption = document.createElement("figcaption"), drawn = document.createElement("img");
      caption.textContent = map.words;
      drawn.src = map.image;
      drawn.alt = caption.textContent;
      card.querySelector("figure").append(drawn, caption);
    }
    button.hidden = true;
  } catch (error) {
    button.disabled = false;
    problem.textContent = error.message;
  }
}

async function correct(card, image, pressed) {
  const filed = card.querySelector(".filed");
  try {
    const said = await post("correct", image, { label: pressed.dataset.label });
    filed.textContent = `filed as ${said.filed}`;
    card.querySelectorAll("[data-label]").forEach((button) => {
      button.setAttribute("aria-pressed", String(button === pressed));
    });
  } catch (error) {
    filed.textContent = `not filed: ${error.message}`;
  }
}

function addAll(list) {
  problem.textContent = list.length ? "" : "there was no image";
  [...list].forEach(add);
}

async function startCamera() {
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: true });
    find("live").hidden = false;
    problem.textContent = "";
    find("take").focus();
  } catch (error) {
    problem.textContent = `no camera: ${error.message}`;
  }
}

function stopCamera() {
  video.srcObject.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
  find("live").hidden = true;
  find("camera").focus();
}

function takeImage() {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  if (!canvas.width) return; // the camera is not ready yet
  canvas.getContext("2d").drawImage(video, 0, 0);
  canvas.toBlob((blob) => add(new File([blob], `camera-${++taken}.png`)), "image/png");
}

find("choose").addEventListener("click", () => files.click());
files.addEventListener("change", () => { addAll(files.files); files.value = ""; });
find("camera").addEventListener("click", startCamera);
find("take").addEventListener("click", takeImage);
find("stop").addEventListener("click", stopCamera);
document.addEventListener("paste", (event) => addAll(event.clipboardData.files));
document.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  addAll(event.dataTransfer.files);
});
