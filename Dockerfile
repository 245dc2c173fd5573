# tlearn in a container, with the versions that CI ran with:
#
#     docker build -t tlearn .
#     docker run --rm -v "$PWD:/images" tlearn finetune flowers/
#
# What it makes belongs to you: add --user "$(id -u):$(id -g)". The cache lies in /cache; keep it
# between runs with -v tlearn-cache:/cache.
FROM python:3.11-slim

WORKDIR /opt/tlearn
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY recipes recipes
COPY tlearn tlearn
RUN pip install --no-cache-dir '.[onnx,openvino,serve]' -c constraints.txt \
    && mkdir -m 777 /cache

ENV TLEARN_CACHE=/cache \
    HOME=/cache
WORKDIR /images
ENTRYPOINT ["tlearn"]
CMD ["--help"]
